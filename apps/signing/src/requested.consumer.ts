import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch, OutgoingRecord } from '@switchhook/event-log';
import type { SignRequests } from './sign.js';

export const SIGN_REQUESTS = Symbol('SIGN_REQUESTS');

@Controller()
export class RequestedConsumer {
  constructor(@Inject(SIGN_REQUESTS) private readonly sign: SignRequests) {}

  @EventPattern<object>({ topic: 'deliveries.requested.v1', group: 'signing' })
  onRequested(@Payload() batch: Batch): Promise<OutgoingRecord[]> {
    return this.sign(batch);
  }
}
