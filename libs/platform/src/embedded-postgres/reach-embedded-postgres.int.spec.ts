import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { reachEmbeddedPostgres } from './reach-embedded-postgres.js';

const logger = pino({ level: 'silent' });
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'switchhook-reach-'));
  chmodSync(dataDir, 0o755);
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const options = () => ({ dataDir, pinned: true, logger });

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query('SELECT 1')).rowCount === 1;
  } finally {
    await client.end();
  }
}

it('a tool reaches the server of a running product and leaves it running; without one it starts and stops its own', async () => {
  const product = await startEmbeddedPostgres(options());
  try {
    const beside = await reachEmbeddedPostgres(options());
    expect(await answers(beside.url)).toBe(true);
    await beside.stop();
    expect(await answers(product.url)).toBe(true);
  } finally {
    await product.stop();
  }
  const alone = await reachEmbeddedPostgres(options());
  expect(await answers(alone.url)).toBe(true);
  await alone.stop();
  await expect(answers(alone.url)).rejects.toThrow(/ECONNREFUSED/);
});

it('a tool never makes data where there are none, and says what to set', async () => {
  await expect(reachEmbeddedPostgres(options())).rejects.toThrow(/^There are no data in .*SWITCHHOOK_DATA/);
});
