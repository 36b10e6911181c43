import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// What Node compiles of what is loaded below, the next start need not compile again (docs/adr/0042).
enableCompileCache(join(import.meta.dirname, '../../../node_modules/.cache/switchhook'));
await import('./start.js');
