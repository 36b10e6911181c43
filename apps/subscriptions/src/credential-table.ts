import type { Credential } from '@switchhook/contracts';
import type { DataSource, EntityManager } from 'typeorm';
import { SCHEMA } from './schema.js';
import type { Page, PageRequest } from './webhook-table.js';

/** The API credentials of the accounts as they are now; deleted ones and the platform's are not there. */
export interface CredentialTable {
  nextId(): Promise<number>;
  /** Writes the credential, or takes it out when it is deleted, in the transaction that appends its events. */
  save(tx: EntityManager, credential: Credential): Promise<void>;
  get(accountId: number, credentialId: number): Promise<Credential | null>;
  /** In ascending order of id. */
  find(accountId: number, page: PageRequest): Promise<Page<Credential>>;
}

const table = `${SCHEMA}.credentials`;

export function postgresCredentialTable(database: DataSource): CredentialTable {
  return {
    async nextId() {
      const [row] = await database.query<{ id: string }[]>(`SELECT nextval('${SCHEMA}.credential_ids') AS id`);
      return Number(row?.id);
    },
    async save(tx, credential) {
      if (credential.deleted) {
        await tx.query(`DELETE FROM ${table} WHERE id = $1`, [credential.id]);
        return;
      }
      await tx.query(
        `INSERT INTO ${table} (id, account_id, state) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
        [credential.id, credential.accountId, JSON.stringify(credential)],
      );
    },
    async get(accountId, credentialId) {
      const [row] = await database.query<{ state: Credential }[]>(
        `SELECT state FROM ${table} WHERE id = $1 AND account_id = $2`,
        [credentialId, accountId],
      );
      return row?.state ?? null;
    },
    async find(accountId, { limit, offset }) {
      // One statement, so that page and count come from the same moment.
      const [row] = await database.query<{ total: number; items: Credential[] }[]>(
        `WITH matching AS (SELECT id, state FROM ${table} WHERE account_id = $1),
              page AS (SELECT * FROM matching ORDER BY id LIMIT $2 OFFSET $3)
         SELECT (SELECT count(*)::int FROM matching) AS total,
                (SELECT coalesce(json_agg(state ORDER BY id), '[]') FROM page) AS items`,
        [accountId, limit, offset],
      );
      return { items: row?.items ?? [], totalCount: row?.total ?? 0 };
    },
  };
}
