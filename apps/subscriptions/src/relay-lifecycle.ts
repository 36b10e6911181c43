import type { Relay } from '@switchhook/event-store';

/** Stops the relay when the application closes: before the log and the database, which it uses. */
export class RelayLifecycle {
  constructor(private readonly relay: Relay) {}

  onApplicationShutdown(): Promise<void> {
    return this.relay.close();
  }
}
