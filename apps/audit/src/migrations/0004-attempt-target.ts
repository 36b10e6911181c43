import type { MigrationInterface, QueryRunner } from 'typeorm';
import { VIEWS_SCHEMA } from '../views.js';

/** Which URL an attempt called; the views of a new installation have it from the beginning. */
export class AttemptTarget1700000004000 implements MigrationInterface {
  readonly name = 'AttemptTarget1700000004000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${VIEWS_SCHEMA}.attempts ADD COLUMN IF NOT EXISTS target text`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${VIEWS_SCHEMA}.attempts DROP COLUMN target`);
  }
}
