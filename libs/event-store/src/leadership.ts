import type { DataSource, EntityManager } from 'typeorm';

/** A session of its own that holds an advisory lock: the lock ends with the session, so it cannot outlive its holder. */
export interface Leadership {
  readonly manager: EntityManager;
  end(): Promise<void>;
}

export interface LeadershipOptions {
  /** Listened to by the leader; also names the lock. */
  readonly channel: string;
  readonly onNotified: () => void;
}

/** First half of the advisory lock's key; the other half is the channel's hash. */
const LOCK_CLASS = 0x5717c9;

interface Session {
  on(event: 'notification', listener: () => void): void;
  off(event: 'notification', listener: () => void): void;
}

/** Takes the lock and listens; null when somebody else has it. */
export async function openLeadership(database: DataSource, options: LeadershipOptions): Promise<Leadership | null> {
  const { channel, onNotified } = options;
  const runner = database.createQueryRunner();
  try {
    const session: Session = await runner.connect();
    const [row] = await runner.manager.query<{ locked: boolean }[]>(
      'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
      [LOCK_CLASS, channel],
    );
    if (!row?.locked) {
      await runner.release();
      return null;
    }
    session.on('notification', onNotified);
    await runner.query(`LISTEN ${channel}`);
    const end = async (): Promise<void> => {
      session.off('notification', onNotified);
      // A broken session has given its lock back already.
      await runner.query(`UNLISTEN ${channel}`).catch(() => undefined);
      await runner.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_CLASS, channel]).catch(() => undefined);
      await runner.release();
    };
    return { manager: runner.manager, end };
  } catch (error) {
    await runner.release();
    throw error;
  }
}
