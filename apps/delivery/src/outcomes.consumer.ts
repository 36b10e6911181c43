import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch } from '@switchhook/event-log';
import { DELIVERY, type Delivery } from './delivery.js';

@Controller()
export class OutcomesConsumer {
  constructor(@Inject(DELIVERY) private readonly delivery: Delivery) {}

  @EventPattern<object>({ topic: 'deliveries.outcomes.v1', group: 'delivery' })
  async onOutcomes(@Payload() batch: Batch): Promise<void> {
    await this.delivery.projectOutcomes(batch);
  }
}
