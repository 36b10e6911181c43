import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { bytesLeftBy, createDatabase } from '@switchhook/testing';
import { expect, it } from 'vitest';
import { openDatabase } from './database.js';

/** What a server says as it goes down: ErrorResponse with severity, code and message. */
const GOING_DOWN = errorResponse('SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection');
/** ReadyForQuery, outside a transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

function errorResponse(...fields: string[]): Buffer {
  const text = Buffer.from(`${fields.join('\0')}\0\0`);
  const head = Buffer.from([0x45, 0, 0, 0, 0]);
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
}

/** Stands before a database; while `isGoingDown`, says so in one packet with whatever ends in ReadyForQuery. */
async function proxyBefore(target: URL) {
  const state = { isGoingDown: false, said: 0 };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(upstream);
    upstream.on('data', (data: Buffer) => {
      if (!state.isGoingDown || !data.subarray(-READY.length).equals(READY)) return void client.write(data);
      state.said += 1;
      client.end(Buffer.concat([data, GOING_DOWN]));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return { state, url: url.href, close: () => server.close() };
}

it('a server that goes down in the very moment in which a connection is handed on ends a query, not the process', async () => {
  const target = await createDatabase();
  const proxy = await proxyBefore(new URL(target.url));
  const database = await openDatabase({ url: proxy.url, applicationName: 'spec', log: () => undefined });
  // A second connection, which is new, is handed on with the first ReadyForQuery that it gets.
  const busy = database.createQueryRunner();
  await busy.connect();
  proxy.state.isGoingDown = true;
  await expect(database.transaction((manager) => manager.query('SELECT 1'))).rejects.toThrow();
  expect(proxy.state.said).toBeGreaterThan(0);

  proxy.state.isGoingDown = false;
  await busy.release();
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await database.destroy();
  proxy.close();
  await target.drop();
});

it('a query that is answered keeps nothing of its values, in a transaction and without', async () => {
  const target = await createDatabase();
  const database = await openDatabase({ url: target.url, applicationName: 'spec', log: () => undefined });
  const query = { text: 'SELECT octet_length($1::bytea) AS bytes', bytes: 50_000 };
  const step = async (): Promise<void> => {
    const answer = await database.query(query.text, [Buffer.allocUnsafeSlow(query.bytes)]);
    expect(answer).toEqual([{ bytes: query.bytes }]);
    await database.transaction((manager) => manager.query(query.text, [Buffer.allocUnsafeSlow(query.bytes)]));
  };
  expect(await bytesLeftBy(step)).toBeLessThan(6 * query.bytes);
  await database.destroy();
  await target.drop();
});
