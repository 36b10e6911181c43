import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The place of a row in the order of its subject, for webhooks with `ordering: key`; null for all others. */
export class Subjects1700000000003 implements MigrationInterface {
  readonly name = 'Subjects1700000000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table delivery.schedule add column subject text, add column sequence bigint');
    await runner.query(
      `create index schedule_subject on delivery.schedule (webhook_id, subject, sequence) where subject is not null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table delivery.schedule drop column subject, drop column sequence');
  }
}
