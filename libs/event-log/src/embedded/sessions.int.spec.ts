import { bytesLeftBy, createDatabase } from '@switchhook/testing';
import { expect, it } from 'vitest';
import { silentLogger } from '../testing/silent-logger.js';
import { Sessions } from './sessions.js';

it('a statement that is answered keeps nothing of its values', async () => {
  const database = await createDatabase();
  const sessions = new Sessions(database.url, 1, silentLogger, () => undefined);
  await sessions.open();
  const bytes = 50_000;
  const step = async (): Promise<void> => {
    const values = [Buffer.allocUnsafeSlow(bytes)];
    const { rows } = await sessions.query({ text: 'SELECT octet_length($1::bytea) AS bytes', values });
    expect(rows).toEqual([{ bytes }]);
  };
  expect(await bytesLeftBy(step)).toBeLessThan(3 * bytes);
  await sessions.close();
  await database.drop();
});

it('refuses a statement for a connection that it does not have', async () => {
  const sessions = new Sessions('postgres://127.0.0.1:1/nothing', 1, silentLogger, () => undefined);
  await expect(sessions.query({ text: 'SELECT 1' })).rejects.toThrow('Not connected');
});
