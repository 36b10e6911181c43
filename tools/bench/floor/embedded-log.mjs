import pg from 'pg';
import { binaryArray } from './binary-array.mjs';

const TABLES = `
  CREATE TABLE records (
    topic smallint NOT NULL, position bigint NOT NULL, key text NOT NULL, headers text NOT NULL, value bytea NOT NULL,
    PRIMARY KEY (topic, position)) WITH (toast_tuple_target = 8160);
  ALTER TABLE records ALTER COLUMN value SET STORAGE EXTERNAL;
  CREATE TABLE offsets (topic smallint PRIMARY KEY, position bigint NOT NULL) WITH (fillfactor = 20);
  INSERT INTO offsets SELECT topic, 0 FROM generate_series(0, 3) AS topic;`;
const APPEND = `INSERT INTO records (topic, position, key, headers, value)
  SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])`;
const APPEND_AND_MOVE = `WITH appended AS (${APPEND})
  UPDATE offsets SET position = moved.position
  FROM unnest($6::smallint[], $7::bigint[]) AS moved (topic, position) WHERE offsets.topic = moved.topic`;

export async function createTables(client) {
  await client.query(TABLES);
}

/** A connection; `query` as pg's, but that nothing of a statement outlives it (docs/adr/0043). */
export async function connectPostgres(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    query: (statement) =>
      new Promise((resolve, reject) =>
        client.query(statement, (error, result) => (error ? reject(error) : resolve(result))),
      ),
  };
}

/**
 * Appends to one topic with group commit: what is handed in while a statement is under way goes into the next one, and with
 * each record goes what the hops that need not wait make of it (`chain`: of each, its topic and what it makes of a record).
 * Records are handed on in memory when they are committed.
 */
export class TopicWriter {
  #queue = [];
  #running = false;
  /** By topic of the chain, its own first. */
  #next;

  /** `flush`: a commit waits for the disk. `readTopic`, `progress()`: which offset moves along, and to where. */
  constructor({ client, topic, chain = [], flush, readTopic, progress, onCommitted }) {
    Object.assign(this, { client, topic, chain, flush, readTopic, progress, onCommitted });
    this.#next = [0, ...chain.map(() => 0)];
  }

  async open() {
    await this.client.query(`SET synchronous_commit = ${this.flush ? 'on' : 'off'}`);
  }

  /** Resolves when the records are committed. */
  append(records) {
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run() {
    this.#running = true;
    // Whatever else comes in this turn goes along.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const calls = this.#queue.splice(0);
      const hops = [{ topic: this.topic, records: calls.flatMap((call) => call.records) }];
      for (const { topic, transform } of this.chain)
        hops.push({ topic, records: hops.at(-1).records.map((record) => transform(record)) });
      hops.forEach(({ records }, hop) => {
        for (const record of records) record.position = this.#next[hop]++;
      });
      try {
        await this.client.query(this.#statement(hops));
        for (const { resolve } of calls) resolve();
        for (const { topic, records } of hops) this.onCommitted(records, topic);
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    this.#running = false;
  }

  #statement(hops) {
    const records = hops.flatMap((hop) => hop.records);
    for (const record of records) record.headersText = JSON.stringify(record.headers);
    const values = [
      hops.flatMap((hop) => hop.records.map(() => hop.topic)),
      records.map((record) => record.position),
      records.map((record) => record.key),
      binaryArray(
        'text',
        records.map((record) => record.headersText),
      ),
      binaryArray(
        'bytea',
        records.map((record) => record.value),
      ),
    ];
    const moves = this.chain.map((_, hop) => [hops[hop].topic, this.#next[hop]]);
    if (this.readTopic !== undefined) moves.push([this.readTopic, this.progress()]);
    if (moves.length === 0) return { name: 'append', text: APPEND, values };
    const moved = [moves.map(([topic]) => topic), moves.map(([, position]) => position)];
    return { name: 'append-and-move', text: APPEND_AND_MOVE, values: [...values, ...moved] };
  }
}
