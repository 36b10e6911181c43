import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { ALL_TOPICS } from '@switchhook/contracts';
import type { Batch } from '@switchhook/event-log';
import type { ArchiveBatch } from './archive-batch.js';

export const ARCHIVE_BATCH = Symbol('ARCHIVE_BATCH');
export const ARCHIVE_GROUP = 'audit';

@Controller()
export class ArchiveConsumer {
  constructor(@Inject(ARCHIVE_BATCH) private readonly archive: ArchiveBatch) {}

  @EventPattern<object>(ALL_TOPICS.map(({ name }) => ({ topic: name, group: ARCHIVE_GROUP })))
  onRecords(@Payload() batch: Batch): Promise<void> {
    return this.archive(batch);
  }
}
