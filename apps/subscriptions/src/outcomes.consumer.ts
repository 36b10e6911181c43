import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch } from '@switchhook/event-log';
import type { SpendWebhooks } from './spend-webhooks.js';

export const SPEND_WEBHOOKS = Symbol('SPEND_WEBHOOKS');

@Controller()
export class OutcomesConsumer {
  constructor(@Inject(SPEND_WEBHOOKS) private readonly spend: SpendWebhooks) {}

  @EventPattern<object>({ topic: 'deliveries.outcomes.v1', group: 'subscriptions' })
  onOutcomes(@Payload() batch: Batch): Promise<void> {
    return this.spend(batch);
  }
}
