import { describeEventStore } from './event-store.conformance.js';
import { memoryEventStore } from './memory-event-store.js';

describeEventStore('memory', async () => memoryEventStore(() => 1_700_000_000_000));
