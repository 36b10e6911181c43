import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch } from '@switchhook/event-log';

export const FOLLOW_OUTCOMES = Symbol('FOLLOW_OUTCOMES');

/** What webhooks make of a batch of outcomes. */
export type FollowOutcomes = (batch: Batch) => Promise<void>;

@Controller()
export class OutcomesConsumer {
  constructor(@Inject(FOLLOW_OUTCOMES) private readonly follow: FollowOutcomes) {}

  @EventPattern<object>({ topic: 'deliveries.outcomes.v1', group: 'subscriptions' })
  onOutcomes(@Payload() batch: Batch): Promise<void> {
    return this.follow(batch);
  }
}
