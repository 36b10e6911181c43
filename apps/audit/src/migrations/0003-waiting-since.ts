import type { MigrationInterface, QueryRunner } from 'typeorm';
import { VIEWS_SCHEMA } from '../views.js';

/** Since when a parked delivery waits; the views of a new installation have it from the beginning. */
export class WaitingSince1700000003000 implements MigrationInterface {
  readonly name = 'WaitingSince1700000003000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${VIEWS_SCHEMA}.deliveries ADD COLUMN IF NOT EXISTS waiting_since bigint`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${VIEWS_SCHEMA}.deliveries DROP COLUMN waiting_since`);
  }
}
