import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import type { Batch, OutgoingRecord } from '@switchhook/event-log';
import type { IngestEvents } from './ingest.js';

export const INGEST_EVENTS = Symbol('INGEST_EVENTS');

@Controller()
export class EventsConsumer {
  constructor(@Inject(INGEST_EVENTS) private readonly ingest: IngestEvents) {}

  @EventPattern<object>({ topic: 'events.v1', group: 'ingestion' })
  onEvents(@Payload() batch: Batch): Promise<OutgoingRecord[]> {
    return this.ingest(batch);
  }
}
