// The customers' name server (RFC 1035, by UDP): every name is this machine, unless it is silent.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const HEADER_BYTES = 12;
const TYPE_A = 1;
/** A response, authoritative, no error. */
const FLAGS = 0x8580;
const TTL_SECONDS = 1;
/** Name by pointer to the question, type A, class IN, TTL, 4 bytes: 127.0.0.1. */
const LOOPBACK = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, TTL_SECONDS, 0, 4, 127, 0, 0, 1]);

/** Resolves with `{ address, be(isSilent) }`. */
export async function startNameServer() {
  const socket = createSocket('udp4');
  let isSilent = false;
  socket.on('message', (query, { port, address }) => {
    if (!isSilent) socket.send(answerTo(query), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, be: (silent) => void (isSilent = silent) };
}

function answerTo(query) {
  const typeAt = query.indexOf(0, HEADER_BYTES) + 1;
  const question = Buffer.from(query.subarray(0, typeAt + 4));
  const isForAddress = question.readUInt16BE(typeAt) === TYPE_A;
  question.writeUInt16BE(FLAGS, 2);
  question.writeUInt16BE(isForAddress ? 1 : 0, 6);
  question.writeUInt32BE(0, 8);
  return isForAddress ? Buffer.concat([question, LOOPBACK]) : question;
}
