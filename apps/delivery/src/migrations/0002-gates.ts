import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What holds a webhook back as a whole, one row each: its parked rows wait behind it, none of them has a time of its own. */
export class Gates1700000000002 implements MigrationInterface {
  readonly name = 'Gates1700000000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table delivery.gates (
        webhook_id bigint primary key,
        partition int not null,
        reason text not null,
        endpoint text not null,
        opens_at bigint not null,
        shut_at bigint not null
      )`);
    await runner.query('create index gates_partition on delivery.gates (partition)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table delivery.gates');
  }
}
