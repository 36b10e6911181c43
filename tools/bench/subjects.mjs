// What is measured: the product, and the floor that it is compared with. Both answer
//   target(by)  where the load sends to, `by` being http or kafka;  roots()  their processes;
//   databaseUrl()  where their archive is;  stop()  ends all of it.
import { join } from 'node:path';
import { serviceOptions } from '../setup/project.mjs';
import { forkChild } from './child.mjs';
import { startProduct } from './product.mjs';
import { createFloorTopics, deleteTopics, newPrefix, sharedBroker, startPostgres } from './servers.mjs';

const CONNECTIONS = 128;

/** Starts `product` or `floor`, on fresh data; see `startProduct` for the options. */
export function startSubject(name, options) {
  return name === 'product' ? startProduct(options) : startFloor(options.engine, options.endpoints);
}

async function startFloor(engine, endpoints) {
  const postgres = await startPostgres();
  const broker = engine === 'kafka' ? await sharedBroker() : undefined;
  const prefix = newPrefix();
  if (broker) await createFloorTopics(broker.brokers, prefix);
  const env = { DATABASE_URL: postgres.url, FLOOR_ENDPOINTS: JSON.stringify(endpoints), TOPIC_PREFIX: prefix };
  const path = join(import.meta.dirname, `floor/${engine}.mjs`);
  const environment = { ...env, ...(broker && { KAFKA_BROKERS: broker.brokers }) };
  const { child, first, stop } = await forkChild(path, environment, serviceOptions);
  const roots = { services: { pid: child.pid }, postgres: { pid: postgres.pid, tree: true } };
  return {
    name: 'floor',
    target: () =>
      broker
        ? { brokers: broker.brokers, topic: first.topic }
        : { url: first.url, authorization: 'none', connections: CONNECTIONS },
    databaseUrl: () => postgres.url,
    roots: () => (broker ? { ...roots, broker: { pid: broker.pid } } : roots),
    stop: async () => {
      await stop();
      await postgres.stop();
      if (broker) await deleteTopics(broker.brokers, prefix).catch(console.error);
    },
  };
}
