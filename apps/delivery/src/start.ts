import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { DeliveryModule } from './delivery.module.js';

await runService({ name: 'delivery', modules: [DeliveryModule], defaultPort: 8084 });
