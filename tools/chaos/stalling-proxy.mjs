import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** A TCP proxy that can stop forwarding, in both directions, without closing anything: what a network does that is away. */
export class StallingProxy {
  /** `[from, to]` of each stall, epoch ms; `to` is Infinity while it lasts. */
  stalls = [];
  #pairs = new Set();
  #isStalled = false;
  #server;

  constructor(targetPort) {
    this.targetPort = targetPort;
    this.#server = createServer({ pauseOnConnect: true }, (client) => this.#serve(client));
  }

  /** Resolves with its port. `port` 0: a free one. */
  async listen(port = 0) {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this.#server.address().port;
  }

  stall() {
    this.#isStalled = true;
    this.stalls.push([Date.now(), Infinity]);
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.pause();
  }

  /** Forwards again. With `cut`, what was open before is closed, and what was on its way is lost. */
  go({ cut }) {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.stalls.at(-1)[1] = Date.now();
    for (const pair of this.#pairs) {
      if (cut) for (const socket of pair.sockets) socket.destroy();
      else pair.go();
    }
  }

  close() {
    this.#server.close();
    for (const { sockets } of this.#pairs) for (const socket of sockets) socket.destroy();
  }

  #serve(client) {
    const server = connect({ port: this.targetPort, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const pair = {
      sockets: [client, server],
      go: () => pair.sockets.forEach((socket) => socket.resume()),
    };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ]) {
      from.on('data', (data) => {
        if (!to.write(data)) from.pause();
      });
      to.on('drain', () => this.#isStalled || from.resume());
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
    }
    if (this.#isStalled) server.pause();
    else pair.go();
  }
}
