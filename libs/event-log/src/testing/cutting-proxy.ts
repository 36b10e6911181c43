import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** `pass` everything; `refuse` all connections; lose what comes next: the `request`, or only its `answer`. */
export type ProxyMode = 'pass' | 'refuse' | 'lose-request' | 'lose-answer';

/** Long enough for a statement that was passed on to be carried out before its connection ends. */
const CARRY_OUT_MS = 100;

/** A TCP proxy before a database that cuts connections at chosen moments. */
export class CuttingProxy {
  mode: ProxyMode = 'pass';
  cuts = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(private readonly target: URL) {
    this.#server = createServer((client) => this.#serve(client));
  }

  /** Answers the target's URL as it is through the proxy. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const url = new URL(this.target);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Cuts what is connected. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #serve(client: Socket): void {
    if (this.mode === 'refuse') return void client.destroy();
    const server = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (data) => this.#forward(data, client, server));
    server.on('data', (data) => client.write(data));
    client.on('close', () => (this.mode === 'pass' ? server.destroy() : undefined));
    server.on('close', () => client.destroy());
  }

  #forward(data: Buffer, client: Socket, server: Socket): void {
    // Only appends are of interest: the statement's name is in the message that binds its values.
    if (!this.mode.startsWith('lose') || !data.includes('append')) return void server.write(data);
    this.cuts += 1;
    if (this.mode === 'lose-answer') {
      server.removeAllListeners('data');
      server.write(data);
    }
    this.mode = 'pass';
    client.removeAllListeners('close');
    client.destroy();
    setTimeout(() => server.destroy(), CARRY_OUT_MS);
  }
}
