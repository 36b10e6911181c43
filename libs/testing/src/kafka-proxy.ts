import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** The kinds of request that specs hold up. https://kafka.apache.org/protocol#protocol_api_keys */
export const KAFKA_REQUEST = { fetch: 1, metadata: 3, heartbeat: 12 } as const;

const ADDRESSES_FIT_BYTES = 64 * 1024;

/**
 * A TCP proxy before a single Kafka broker that can hold back requests of chosen kinds while it passes on all others: a
 * connection that is open and says nothing. Answers name the proxy as the broker, so clients stay on it.
 */
export class KafkaProxy {
  /** Requests of these kinds that were held back so far. */
  heldCount = 0;
  readonly #held = new Set<number>();
  #waiting: (() => void)[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #own: Buffer = Buffer.alloc(0);
  readonly #theirs: Buffer;

  /** `broker`: host:port, as the broker itself names it to its clients. */
  constructor(private readonly broker: string) {
    this.#theirs = addressBytes(broker);
    this.#server = createServer((client) => this.#serve(client));
  }

  /** Answers the proxy's own host:port, the host being the broker's. */
  async listen(): Promise<string> {
    const { host } = split(this.broker);
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    const address = `${host}:${(this.#server.address() as AddressInfo).port}`;
    this.#own = addressBytes(address);
    return address;
  }

  /** From now on requests of this kind do not reach the broker. */
  hold(kind: keyof typeof KAFKA_REQUEST): void {
    this.#held.add(KAFKA_REQUEST[kind]);
  }

  /** Passes on everything, what was held back first. */
  letGo(): void {
    this.#held.clear();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const pass of waiting) pass();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(client: Socket): void {
    const { host, port } = split(this.broker);
    const server = connect(port, host);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on(
      'data',
      frames((frame) => this.#request(frame, server)),
    );
    server.on(
      'data',
      frames((frame) => client.write(this.#renamed(frame))),
    );
  }

  #request(frame: Buffer, server: Socket): void {
    const pass = (): void => void server.write(frame);
    if (!this.#held.has(frame.readInt16BE(4))) return pass();
    this.heldCount += 1;
    this.#waiting.push(pass);
  }

  #renamed(frame: Buffer): Buffer {
    if (frame.length > ADDRESSES_FIT_BYTES) return frame;
    for (let at = frame.indexOf(this.#theirs); at >= 0; at = frame.indexOf(this.#theirs, at + 1))
      this.#own.copy(frame, at);
    return frame;
  }
}

/** Cuts a stream into messages, each with its length (4 bytes) in front. */
function frames(take: (frame: Buffer) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      take(Buffer.from(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  };
}

/** As the protocol writes a broker's address: the host's text, then the port in 4 bytes. */
function addressBytes(address: string): Buffer {
  const { host, port } = split(address);
  const number = Buffer.alloc(4);
  number.writeInt32BE(port);
  return Buffer.concat([Buffer.from(host), number]);
}

function split(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}
