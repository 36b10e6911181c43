// What the archive says of a round, read from its database, past every proxy.
import pg from 'pg';

const OUTCOMES = ['attempted', 'deferred', 'succeeded', 'exhausted', 'expired', 'cancelled', 'rejected'];
const TERMINAL = new Set(['succeeded', 'exhausted', 'expired', 'cancelled', 'rejected']);
export const isTerminal = ({ status }) => TERMINAL.has(status);

export class Archive {
  constructor(url) {
    this.pool = new pg.Pool({ connectionString: url, max: 2 });
    this.pool.on('error', () => undefined);
  }

  close() {
    return this.pool.end();
  }

  /** Deliveries accepted from `sinceMs` on. */
  async deliveries(sinceMs) {
    return this.#rows(
      `SELECT id, account_id::int AS account, webhook_id::int AS webhook, event_id AS event, event_type AS type, subject,
              status, reason
       FROM audit.deliveries WHERE created_at >= $1`,
      [sinceMs],
    );
  }

  /** Events accepted from `sinceMs` on, as the view has them: a duplicate has no row of its own. */
  async events(sinceMs) {
    return this.#rows(
      `SELECT id, account_id::int AS account, source, type, status, reason FROM audit.events WHERE accepted_at >= $1`,
      [sinceMs],
    );
  }

  /** Outcomes that the log took from `sinceMs` on, in its order: `{ id, run, number, kind, at, outcome }`. */
  async outcomes(sinceMs) {
    const rows = await this.#rows(
      `SELECT delivery_id AS id, run, number, kind, appended_at::float8 AS at, facts
       FROM audit.records WHERE appended_at >= $1 AND kind = ANY ($2) AND delivery_id IS NOT NULL
       ORDER BY source_id, position`,
      [sinceMs, OUTCOMES],
    );
    return rows.map(({ facts, ...row }) => ({ ...row, outcome: facts }));
  }

  /** Records that are in the archive more than once: there must be none. */
  async repeatedRecords(sinceMs) {
    return this.#rows(
      `SELECT source_id, position::int AS position, count(*)::int AS count FROM audit.records
       WHERE appended_at >= $1 GROUP BY 1, 2 HAVING count(*) > 1 LIMIT 10`,
      [sinceMs],
    );
  }

  /** All that the log and the schedule have of one delivery, in words. */
  async story(id) {
    const records = await this.#rows(
      `SELECT topic, partition, position::int AS position, kind, run, number, appended_at::float8 AS at, facts
       FROM audit.records r JOIN audit.sources s ON s.id = r.source_id WHERE delivery_id = $1 ORDER BY appended_at, position`,
      [id],
    );
    const rows = await this.#rows(
      `SELECT number, deferrals, partition, due_at::float8 AS "dueAt", position::int AS position, subject
       FROM delivery.schedule WHERE delivery_id = $1`,
      [id],
    );
    const gates = await this.#rows(
      `SELECT reason, partition FROM delivery.gates WHERE webhook_id =
         (SELECT webhook_id FROM audit.deliveries WHERE id = $1)`,
      [id],
    );
    const lines = records.map(({ topic, partition, position, kind, run, number, at, facts }) =>
      `${new Date(at).toISOString().slice(11, 23)} ${topic} ${partition}:${position} ${kind} ${run}/${number} ${JSON.stringify(facts) ?? ''}`.slice(
        0,
        300,
      ),
    );
    return [id, ...lines, `rows: ${JSON.stringify(rows)}`, `gates: ${JSON.stringify(gates)}`].join('\n      ');
  }

  async #rows(text, values) {
    return (await this.pool.query(text, values)).rows;
  }
}
