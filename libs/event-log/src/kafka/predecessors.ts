import { channel } from 'node:diagnostics_channel';
import type { Broker } from 'kafkajs/src/broker/index.js';
import { within } from '../backoff.js';
import { protocolType } from './cluster.js';
import type { MemberStore } from './member-store.js';

/** Where chaos runs end the process (docs/adr/0035). */
const PREDECESSOR_LEFT = channel('switchhook.kafka.predecessor-left');

/** No store may hold up a group: without it a takeover is slower, not wrong. */
const STORE_LIMIT_MS = 1_000;

/** What a member does with the store, and for its predecessors. Failures are noted; nothing here throws. */
export class Predecessors {
  private remembered = '';

  constructor(
    private readonly groupId: string,
    private readonly store: MemberStore | undefined,
    private readonly note: (error: unknown) => void,
  ) {}

  /** Leaves the group in the name of every member whose process has ended. */
  async end(coordinator: () => Promise<Broker>): Promise<void> {
    await this.attempt(async (store) => {
      for (const memberId of await store.orphans(this.groupId)) {
        const broker = await coordinator();
        await broker.leaveGroup({ groupId: this.groupId, memberId }).catch(unlessGone);
        PREDECESSOR_LEFT.publish(undefined);
        await store.forget(this.groupId, memberId);
      }
    });
  }

  /** We are `memberId` now; '' for nobody. */
  async become(memberId: string): Promise<void> {
    const before = this.remembered;
    if (memberId === before) return;
    await this.attempt(async (store) => {
      if (memberId !== '') await store.remember(this.groupId, memberId);
      this.remembered = memberId;
      if (before !== '') await store.forget(this.groupId, before);
    });
  }

  private async attempt(work: (store: MemberStore) => Promise<void>): Promise<void> {
    if (!this.store) return;
    await within(STORE_LIMIT_MS, work(this.store)).catch(this.note);
  }
}

function unlessGone(error: unknown): void {
  if (protocolType(error) !== 'UNKNOWN_MEMBER_ID') throw error;
}
