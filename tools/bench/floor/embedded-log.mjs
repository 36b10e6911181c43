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
  SELECT $1::smallint, $2::bigint + ordinality - 1, key, headers, value
  FROM unnest($3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY AS r (key, headers, value, ordinality)`;
const APPEND_AND_MOVE = `WITH appended AS (${APPEND}) UPDATE offsets SET position = $7 WHERE topic = $6`;

export async function createTables(client) {
  await client.query(TABLES);
}

export async function connectPostgres(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client;
}

/**
 * Appends to one topic with group commit: what is handed in while a statement is under way goes into the next one. Records
 * are handed on in memory when they are committed.
 */
export class TopicWriter {
  #queue = [];
  #running = false;
  #next = 0;

  /** `flush`: a commit waits for the disk. `readTopic`, `progress()`: which offset moves along, and to where. */
  constructor({ client, topic, flush, readTopic, progress, onCommitted }) {
    Object.assign(this, { client, topic, flush, readTopic, progress, onCommitted });
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
      const records = calls.flatMap((call) => call.records);
      try {
        const position = this.#next;
        for (const record of records) record.position = this.#next++;
        await this.client.query(this.#statement(records, position));
        for (const { resolve } of calls) resolve();
        this.onCommitted(records);
      } catch (error) {
        for (const { reject } of calls) reject(error);
      }
    }
    this.#running = false;
  }

  #statement(records, position) {
    for (const record of records) record.headersText = JSON.stringify(record.headers);
    const values = [
      this.topic,
      position,
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
    if (this.readTopic === undefined) return { name: 'append', text: APPEND, values };
    return { name: 'append-and-move', text: APPEND_AND_MOVE, values: [...values, this.readTopic, this.progress()] };
  }
}
