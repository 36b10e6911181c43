import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { readArchive } from './archive-reader.js';
import { createSourceIds } from './archive-tables.js';
import { insertInTurn } from './insertion.js';
import { VIEWS_SCHEMA, VIEW_NAMES, viewTables, viewsOver, viewsSql, type IntoViews } from './views.js';

export interface RebuildDeps {
  readonly database: DataSource;
  /** Told after each step how many records have been applied so far. */
  readonly onProgress: (records: number) => void;
}

export interface Rebuilt {
  readonly records: number;
  /** Of the views as they were and as they are, both at the moment at which they changed places. */
  readonly before: string;
  readonly after: string;
}

/** Where the new views are made, and where the old ones wait for their checksum. */
const NEXT = 'audit_next';
const REPLACED = 'audit_replaced';

const RECORDS_AT_A_TIME = 2_000;
/** Key of the session lock that keeps a second rebuild out. */
const LOCK = 0x5717c8a1;

/**
 * Makes the views again from the archive while it goes on growing. The new tables are filled beside the old ones; then the
 * archive is held for a moment (its batches wait for their position), the rest is applied, and the tables change places.
 * Throws when another rebuild is under way; what a killed one left behind is made away with.
 */
export async function rebuildViews({ database, onProgress }: RebuildDeps): Promise<Rebuilt> {
  const session = database.createQueryRunner();
  const [lock] = await session.manager.query<{ locked: boolean }[]>('SELECT pg_try_advisory_lock($1) AS locked', [
    LOCK,
  ]);
  try {
    if (!lock?.locked) throw new Error('Another rebuild of the views is under way');
    await database.query(`DROP SCHEMA IF EXISTS ${NEXT}, ${REPLACED} CASCADE`);
    await database.query(`CREATE SCHEMA ${NEXT}`);
    for (const statement of viewsSql(NEXT)) await database.query(statement);
    const catchUp = archiveFollower(database, viewsOver(createSourceIds(database), NEXT), onProgress);
    // Until little is left: what came during the last step is all that the archive has to wait for.
    while ((await catchUp()) > RECORDS_AT_A_TIME);
    for (const table of viewTables(NEXT)) await database.query(`ANALYZE ${table}`);
    return await swap(database, session, catchUp);
  } finally {
    if (lock?.locked) await session.query('SELECT pg_advisory_unlock($1)', [LOCK]).catch(() => undefined);
    await session.release();
  }
}

/** Applies what came since the last call; answers with how many records that were. */
type CatchUp = { (): Promise<number>; readonly total: () => number };

function archiveFollower(database: DataSource, intoViews: IntoViews, onProgress: (records: number) => void): CatchUp {
  const reached = new Map<number, number>();
  let total = 0;
  const catchUp = async (): Promise<number> => {
    const before = total;
    const sources = await database.query<{ id: number }[]>('SELECT id FROM audit.sources ORDER BY id');
    for (const { id } of sources) {
      for (;;) {
        const records = await readArchive(database.manager, id, reached.get(id) ?? -1, RECORDS_AT_A_TIME);
        if (records.length === 0) break;
        await database.transaction(async (manager) => {
          // Made again from the archive after a crash: nothing here is worth a wait for the disk.
          await manager.query('SET LOCAL synchronous_commit = off');
          await insertInTurn(manager, await intoViews(records));
        });
        reached.set(id, records.at(-1)!.position);
        total += records.length;
        onProgress(total);
      }
    }
    return total - before;
  };
  return Object.assign(catchUp, { total: () => total });
}

/** Lets the new tables take the place of the old ones, and compares them as they were at that moment. */
async function swap(database: DataSource, session: QueryRunner, catchUp: CatchUp): Promise<Rebuilt> {
  const snapshot = database.createQueryRunner();
  try {
    await session.startTransaction();
    try {
      // The archive locks its positions first in every statement: from here on none is under way, and the next ones wait.
      await session.query('LOCK TABLE audit.checkpoints IN EXCLUSIVE MODE');
      await catchUp();
      await snapshot.startTransaction('REPEATABLE READ');
      // The first statement takes the snapshot; it touches no view, so that the swap need not wait for it.
      await snapshot.query('SELECT 1');
      await session.query(`CREATE SCHEMA ${REPLACED}`);
      for (const name of VIEW_NAMES) {
        await session.query(`ALTER TABLE ${VIEWS_SCHEMA}.${name} SET SCHEMA ${REPLACED}`);
        await session.query(`ALTER TABLE ${NEXT}.${name} SET SCHEMA ${VIEWS_SCHEMA}`);
      }
      await session.commitTransaction();
    } catch (error) {
      await session.rollbackTransaction();
      throw error;
    }
    const before = await viewsChecksum(snapshot.manager, REPLACED);
    const after = await viewsChecksum(snapshot.manager, VIEWS_SCHEMA);
    await snapshot.commitTransaction();
    await database.query(`DROP SCHEMA IF EXISTS ${NEXT}, ${REPLACED} CASCADE`);
    return { records: catchUp.total(), before, after };
  } finally {
    if (snapshot.isTransactionActive) await snapshot.rollbackTransaction();
    await snapshot.release();
  }
}

/** Of every row of every view in `schema`, whatever their order: hex. */
export async function viewsChecksum(manager: EntityManager, schema: string): Promise<string> {
  // Sums need no sorting and no memory, however many rows there are; two seeds make 128 bits.
  const sums = viewTables(schema).map(
    (table) => `(SELECT concat_ws(':', count(*), sum(hashtextextended(t::text, 1)), sum(hashtextextended(t::text, 2)))
                 FROM ${table} t)`,
  );
  const [row] = await manager.query<{ sum: string }[]>(`SELECT md5(concat_ws('/', ${sums.join(', ')})) AS sum`);
  return row!.sum;
}
