import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { AuditModule } from './audit.module.js';

await runService({ name: 'audit', modules: [AuditModule], defaultPort: 8085 });
