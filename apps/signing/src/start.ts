import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { SigningModule } from './signing.module.js';

await runService({ name: 'signing', modules: [SigningModule], defaultPort: 8083 });
