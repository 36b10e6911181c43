import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { serviceFor } from './roles.js';

await runService(serviceFor(process.env));
