import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch } from '@switchhook/event-log';
import { DELIVERY, type Delivery } from './delivery.js';

@Controller()
export class SignedConsumer {
  constructor(@Inject(DELIVERY) private readonly delivery: Delivery) {}

  @EventPattern<object>({ topic: 'deliveries.signed.v1', group: 'delivery' })
  async onSigned(@Payload() batch: Batch): Promise<void> {
    await this.delivery.takeSigned(batch);
  }
}
