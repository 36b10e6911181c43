import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch, OutgoingRecord } from '@switchhook/event-log';
import type { BulkTurns } from './bulk-turns.js';
import type { SignRequests } from './sign.js';

export const SIGN_REQUESTS = Symbol('SIGN_REQUESTS');
export const BULK_TURNS = Symbol('BULK_TURNS');

@Controller()
export class RequestedConsumer {
  constructor(
    @Inject(SIGN_REQUESTS) private readonly sign: SignRequests,
    @Inject(BULK_TURNS) private readonly turns: BulkTurns,
  ) {}

  @EventPattern<object>({ topic: 'deliveries.requested.v1', group: 'signing' })
  async onRequested(@Payload() batch: Batch): Promise<OutgoingRecord[]> {
    const signed = await this.sign(batch);
    this.turns.normalDone(batch.records.length);
    return signed;
  }

  @EventPattern<object>({ topic: 'deliveries.requested.bulk.v1', group: 'signing-bulk' })
  async onBulk(@Payload() batch: Batch): Promise<OutgoingRecord[]> {
    await this.turns.bulkTurn(batch.records.length, batch.signal);
    return this.sign(batch);
  }
}
