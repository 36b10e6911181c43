import 'reflect-metadata';
import { runService } from '@switchhook/platform';
import { SubscriptionsModule } from './subscriptions.module.js';

await runService({ name: 'subscriptions', modules: [SubscriptionsModule], defaultPort: 8081 });
