import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How many parts the names are spread over, by the hash of the name. */
const NAME_PARTITIONS = 8;

/** The names of accepted events, where each was accepted, and how far each partition of `events.v1` is worked off. */
export class AcceptedNames1700000000001 implements MigrationInterface {
  readonly name = 'AcceptedNames1700000000001';

  async up(runner: QueryRunner): Promise<void> {
    // One number for log identity and topic: a name costs 8 bytes less than half of what the texts would.
    await runner.query(`
      CREATE TABLE ingestion.logs (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        identity text NOT NULL,
        topic text NOT NULL,
        UNIQUE (identity, topic)
      )`);
    // Spread by name and not by time: a unique index cannot span partitions of time.
    await runner.query(`
      CREATE TABLE ingestion.accepted_names (
        event_key uuid PRIMARY KEY,
        log_id integer NOT NULL,
        partition integer NOT NULL,
        position bigint NOT NULL,
        hour integer NOT NULL
      ) PARTITION BY HASH (event_key)`);
    for (let part = 0; part < NAME_PARTITIONS; part++) {
      await runner.query(`
        CREATE TABLE ingestion.accepted_names_${part} PARTITION OF ingestion.accepted_names
        FOR VALUES WITH (MODULUS ${NAME_PARTITIONS}, REMAINDER ${part})`);
    }
    // Finds the old ones, or that there are none, at once. A BRIN would be smaller, until the space of deleted rows is used again.
    await runner.query(`CREATE INDEX accepted_names_hour ON ingestion.accepted_names (hour)`);
    await runner.query(`
      CREATE TABLE ingestion.watermarks (
        log_id integer NOT NULL REFERENCES ingestion.logs,
        partition integer NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (log_id, partition)
      ) WITH (fillfactor = 50)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ingestion.watermarks, ingestion.accepted_names, ingestion.logs');
  }
}
