import net from 'node:net';
import { once } from 'node:events';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { createDatabase, kafkaBrokers, kafkaPossible } from './test-servers.js';

const hasKafka = await kafkaPossible();

describe('the servers of a test run', () => {
  it('gives each asker a database of its own and removes it on demand', async () => {
    const [one, two] = await Promise.all([createDatabase(), createDatabase()]);
    const client = new pg.Client({ connectionString: one.url });
    await client.connect();
    client.on('error', () => {}); // dropping it cuts this connection
    await client.query('CREATE TABLE mine (id int)');
    const other = new pg.Client({ connectionString: two.url });
    await other.connect();
    await expect(other.query('SELECT * FROM mine')).rejects.toThrow(/does not exist/);
    await other.end();
    await one.drop();
    await expect(new pg.Client({ connectionString: one.url }).connect()).rejects.toThrow(/does not exist/);
    await two.drop();
  });

  it.skipIf(!hasKafka)('starts a Kafka that listens', async () => {
    const [host, port] = (await kafkaBrokers()).split(':');
    const socket = net.connect(Number(port), host);
    await once(socket, 'connect');
    socket.destroy();
  });
});
