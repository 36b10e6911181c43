import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// The old generation may double before it is collected; left alone, V8 collects it at a third more (docs/adr/0044).
setFlagsFromString('--heap-growing-percent=100');
// What Node compiles of what is loaded below, the next start need not compile again (docs/adr/0042).
enableCompileCache(join(import.meta.dirname, '../../../node_modules/.cache/switchhook'));
await import('./start.js');
