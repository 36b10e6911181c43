// Is a broker ready? An open port is not: for about a second it answers that its coordinators are loading. So we ask what
// our clients will ask first: InitProducerId (the idempotent producer) and a group's coordinator.
import { connect } from 'node:net';

const INIT_PRODUCER_ID = 22;
const FIND_COORDINATOR = 10;
const HEARTBEAT = 12;
const UNKNOWN_MEMBER_ID = 25;
const TIMEOUT_MS = 3_000;
const GROUP = 'switchhook-probe';

/** Resolves when the broker on `127.0.0.1:port` serves producers and groups; rejects with the reason when it does not yet. */
export async function probe(port) {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await opened(socket);
    // Response v0/v1: correlation id, throttle time, error code.
    const producer = await ask(socket, INIT_PRODUCER_ID, 0, Buffer.concat([int16(-1), int32(60_000)]));
    refuse('InitProducerId', producer.readInt16BE(8));
    const coordinator = await ask(socket, FIND_COORDINATOR, 1, Buffer.concat([text(GROUP), Buffer.from([0])]));
    refuse('FindCoordinator', coordinator.readInt16BE(8));
    // A loaded coordinator knows that it does not know this member. Response v1: correlation id, throttle time, error code.
    const beat = await ask(socket, HEARTBEAT, 1, Buffer.concat([text(GROUP), int32(0), text('nobody')]));
    const code = beat.readInt16BE(8);
    if (code !== UNKNOWN_MEMBER_ID) refuse('Heartbeat', code);
  } finally {
    socket.destroy();
  }
}

function refuse(request, code) {
  if (code !== 0) throw new Error(`${request} answers error ${code}`);
}

function opened(socket) {
  return new Promise((done, fail) => {
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('no answer in time')));
    socket.once('connect', done).once('error', fail);
  });
}

/** One request of the Kafka protocol (header v1); answers with the response without its length. */
function ask(socket, apiKey, version, body) {
  const header = Buffer.concat([int16(apiKey), int16(version), int32(1), text('switchhook-probe')]);
  return new Promise((done, fail) => {
    let received = Buffer.alloc(0);
    const take = (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return;
      socket.off('data', take).off('close', closed).off('error', fail);
      done(received.subarray(4));
    };
    const closed = () => fail(new Error('the broker closed the connection'));
    socket.on('data', take).once('close', closed).once('error', fail);
    socket.write(Buffer.concat([int32(header.length + body.length), header, body]));
  });
}

function int16(value) {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value) {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function text(value) {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([int16(bytes.length), bytes]);
}
