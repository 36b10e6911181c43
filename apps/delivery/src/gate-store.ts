import type { DataSource } from 'typeorm';

/** Why a webhook is held back as a whole. */
export type GateReason = 'circuit-open' | 'rate-limited' | 'paused';

/** Holds a webhook back until `opensAt` (epoch ms), or for as long as its reason lasts. */
export interface Gate {
  readonly webhookId: number;
  readonly partition: number;
  readonly reason: GateReason;
  /** Key of the endpoint that it was shut for: a webhook that has moved to another one is free. Empty for other reasons. */
  readonly endpoint: string;
  readonly opensAt: number;
  readonly shutAt: number;
}

/** The table of gates, written by the owner of the partition. SQL lives here and nowhere else. */
export class GateStore {
  constructor(private readonly database: DataSource) {}

  async ofPartition(partition: number): Promise<Gate[]> {
    const rows: StoredGate[] = await this.database.query('select * from delivery.gates where partition = $1', [
      partition,
    ]);
    return rows.map(fromRow);
  }

  /** Writes the gates that are shut and deletes those of `lifted` webhooks, in one transaction. */
  async write(shut: readonly Gate[], lifted: readonly number[]): Promise<void> {
    await this.database.transaction(async (manager) => {
      await manager.query('delete from delivery.gates where webhook_id = any($1::bigint[])', [lifted]);
      await manager.query(
        `insert into delivery.gates (webhook_id, partition, reason, endpoint, opens_at, shut_at)
         select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
         on conflict (webhook_id) do update
            set partition = excluded.partition, reason = excluded.reason, endpoint = excluded.endpoint,
                opens_at = excluded.opens_at, shut_at = excluded.shut_at`,
        [
          shut.map((gate) => gate.webhookId),
          shut.map((gate) => gate.partition),
          shut.map((gate) => gate.reason),
          shut.map((gate) => gate.endpoint),
          shut.map((gate) => gate.opensAt),
          shut.map((gate) => gate.shutAt),
        ],
      );
    });
  }
}

interface StoredGate {
  readonly webhook_id: string;
  readonly partition: number;
  readonly reason: Gate['reason'];
  readonly endpoint: string;
  readonly opens_at: string;
  readonly shut_at: string;
}

const fromRow = (row: StoredGate): Gate => ({
  webhookId: Number(row.webhook_id),
  partition: row.partition,
  reason: row.reason,
  endpoint: row.endpoint,
  opensAt: Number(row.opens_at),
  shutAt: Number(row.shut_at),
});
