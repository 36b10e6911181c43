import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which event has each webhook that triggers only once (`singleUse`). */
export class Claims1700000000002 implements MigrationInterface {
  readonly name = 'Claims1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ingestion.claims (
        webhook_id bigint PRIMARY KEY,
        event_key uuid NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ingestion.claims');
  }
}
