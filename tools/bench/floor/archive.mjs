import { binaryArray } from './binary-array.mjs';

const TABLE = `CREATE TABLE archive (
  topic text NOT NULL, position bigint NOT NULL, key text NOT NULL, headers text NOT NULL, value bytea NOT NULL)`;
const INSERT = `INSERT INTO archive (topic, position, key, headers, value)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])`;

/** The archive on a connection of its own. `insert(records)` with `{ topic, position, key, headers (text), value }`. */
export async function openArchive(client) {
  await client.query(TABLE);
  await client.query('SET synchronous_commit = off');
  const write = (records) =>
    client.query({
      name: 'archive',
      text: INSERT,
      values: [
        records.map((record) => record.topic),
        records.map((record) => record.position),
        records.map((record) => record.key),
        binaryArray(
          'text',
          records.map((record) => record.headers),
        ),
        binaryArray(
          'bytea',
          records.map((record) => record.value),
        ),
      ],
    });
  // One after the other: the archive has time.
  let last = Promise.resolve();
  return { insert: (records) => (last = last.then(() => write(records))) };
}
