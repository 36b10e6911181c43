import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { IngestionModule } from './ingestion.module.js';

await runService({ name: 'ingestion', modules: [IngestionModule], defaultPort: 8082 });
