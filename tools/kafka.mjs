// npm run kafka: a real single-node Apache Kafka on 127.0.0.1:9092, data in ./.switchhook/kafka/, until Ctrl-C.
import { join } from 'node:path';
import { startBroker } from './kafka/broker.mjs';

const dir = join(process.env.SWITCHHOOK_DATA ?? '.switchhook', 'kafka');
const port = Number(process.env.KAFKA_PORT ?? 9092);

let stopping = false;
let broker;

async function stop() {
  if (stopping) return;
  stopping = true;
  await broker?.stop();
  process.exit(0);
}

process.on('SIGINT', stop);
process.on('SIGTERM', stop);

try {
  broker = await startBroker({ dir, port });
  if (stopping) await broker.stop();
  console.log(`Kafka is ready at 127.0.0.1:${broker.port} (data in ${dir}; Ctrl-C stops it)`);
  const code = await broker.exited;
  if (!stopping) {
    console.error(`Kafka ended (${code}); see ${join(dir, 'kafka.log')}`);
    process.exit(1);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
