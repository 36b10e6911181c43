import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What waits. `due_at` is null for a parked row: it waits for its webhook as a whole, not for a time of its own, so that
 * 100,000 parked rows do not stand in front of one that is due.
 */
export class Schedule1700000000001 implements MigrationInterface {
  readonly name = 'Schedule1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table delivery.schedule (
        delivery_id uuid not null,
        run int not null,
        number int not null,
        deferrals int not null,
        partition int not null,
        webhook_id bigint not null,
        due_at bigint,
        position bigint not null,
        headers text not null,
        data bytea not null,
        primary key (delivery_id, run)
      )`);
    await runner.query(`create index schedule_due on delivery.schedule (partition, due_at) where due_at is not null`);
    await runner.query(
      `create index schedule_parked on delivery.schedule (partition, webhook_id, position) where due_at is null`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table delivery.schedule');
  }
}
