import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ARCHIVE_SQL } from '../archive-tables.js';

export class Archive1700000001000 implements MigrationInterface {
  readonly name = 'Archive1700000001000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of ARCHIVE_SQL) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit.payloads, audit.records, audit.sources');
  }
}
