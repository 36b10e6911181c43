import type { MigrationInterface, QueryRunner } from 'typeorm';
import { VIEWS_SCHEMA, viewTables, viewsSql } from '../views.js';

export class Views1700000002000 implements MigrationInterface {
  readonly name = 'Views1700000002000';

  async up(runner: QueryRunner): Promise<void> {
    for (const statement of viewsSql(VIEWS_SCHEMA)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${viewTables(VIEWS_SCHEMA).join(', ')}`);
  }
}
