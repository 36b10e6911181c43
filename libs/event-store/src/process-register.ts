import type { DataSource, MigrationInterface, QueryRunner } from 'typeorm';
import { migrate } from './migrate.js';

const SCHEMA = 'processes';
/** First half of the advisory lock's key; the other half is the process's number. */
const LOCK_CLASS = 0x5717ca;
const REOPEN_MS = 500;

/**
 * Which consumer-group members each living process is. A process is alive while the session that holds its advisory lock
 * is: the server ends both at once when the process is killed (correctness.md §2).
 */
export interface ProcessRegister {
  remember(groupId: string, memberId: string): Promise<void>;
  forget(groupId: string, memberId: string): Promise<void>;
  /** Members of `groupId` that were remembered by processes which have ended. */
  orphans(groupId: string): Promise<readonly string[]>;
  /** Ends the session: whatever was not forgotten counts as left behind. */
  close(): Promise<void>;
}

class Members1700000000000 implements MigrationInterface {
  readonly name = 'Members1700000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE SEQUENCE ${SCHEMA}.numbers AS integer CYCLE`);
    await runner.query(`
      CREATE TABLE ${SCHEMA}.members (
        group_id text NOT NULL,
        member_id text NOT NULL,
        process integer NOT NULL,
        PRIMARY KEY (group_id, member_id)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${SCHEMA}.members`);
    await runner.query(`DROP SEQUENCE ${SCHEMA}.numbers`);
  }
}

/** Makes the tables, takes a number for this process and holds its lock until `close`. `url` is that of `database`. */
export async function openProcessRegister(database: DataSource, url: string): Promise<ProcessRegister> {
  await migrate({ url, schema: SCHEMA, migrations: [Members1700000000000] });
  const [row] = await database.query<{ number: number }[]>(`SELECT nextval('${SCHEMA}.numbers')::integer AS number`);
  const register = new PostgresProcessRegister(database, row?.number ?? 0);
  await register.hold();
  return register;
}

class PostgresProcessRegister implements ProcessRegister {
  private session: QueryRunner | undefined;
  private reopening: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: DataSource,
    private readonly number: number,
  ) {}

  /** Takes the lock on a connection of its own, and again on another one whenever that one is lost. */
  async hold(): Promise<void> {
    const session = this.database.createQueryRunner();
    try {
      const connection = (await session.connect()) as { once(event: 'error', listener: () => void): void };
      connection.once('error', () => {
        if (this.session !== session) return;
        this.session = undefined;
        void session.release().catch(() => undefined);
        this.holdSoon();
      });
      await session.query('SELECT pg_advisory_lock($1, $2)', [LOCK_CLASS, this.number]);
      this.session = session;
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  async remember(groupId: string, memberId: string): Promise<void> {
    // Without the lock we would look as if we had ended.
    if (!this.session) throw new Error('The database session of this process is being made anew');
    await this.database.query(
      `INSERT INTO ${SCHEMA}.members (group_id, member_id, process) VALUES ($1, $2, $3)
       ON CONFLICT (group_id, member_id) DO UPDATE SET process = $3`,
      [groupId, memberId, this.number],
    );
  }

  async forget(groupId: string, memberId: string): Promise<void> {
    await this.database.query(`DELETE FROM ${SCHEMA}.members WHERE group_id = $1 AND member_id = $2`, [
      groupId,
      memberId,
    ]);
  }

  async orphans(groupId: string): Promise<readonly string[]> {
    const rows = await this.database.query<{ member_id: string }[]>(
      `SELECT member_id FROM ${SCHEMA}.members m WHERE group_id = $1 AND process <> $3 AND NOT EXISTS (
         SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
         WHERE l.locktype = 'advisory' AND l.classid::bigint = $2 AND l.objid::bigint = m.process AND l.objsubid = 2)`,
      [groupId, LOCK_CLASS, this.number],
    );
    return rows.map((row) => row.member_id);
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.reopening);
    const { session } = this;
    this.session = undefined;
    if (!session) return;
    await session.query('SELECT pg_advisory_unlock($1, $2)', [LOCK_CLASS, this.number]).catch(() => undefined);
    await session.release();
  }

  private holdSoon(): void {
    if (this.closed) return;
    this.reopening = setTimeout(() => void this.hold().catch(() => this.holdSoon()), REOPEN_MS);
    this.reopening.unref();
  }
}
