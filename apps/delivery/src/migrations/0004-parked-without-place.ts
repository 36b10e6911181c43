import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The parked rows that are in no order. Of a webhook with `ordering: key` there are few of them among very many that are, and each look
 * for one would walk over all of these.
 */
export class ParkedWithoutPlace1700000000004 implements MigrationInterface {
  readonly name = 'ParkedWithoutPlace1700000000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `create index schedule_parked_without_place on delivery.schedule (partition, webhook_id, position)
        where due_at is null and subject is null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index delivery.schedule_parked_without_place');
  }
}
