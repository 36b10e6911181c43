import { channel } from 'node:diagnostics_channel';
import kafkajs from 'kafkajs';
import type { Broker, OffsetTopics } from 'kafkajs/src/broker/index.js';
import { assignPartitions, type GroupMemberState } from './assignment.js';
import { backoffMs, pause } from '../backoff.js';
import type { KafkaCluster } from './cluster.js';
import { protocolType, reasonOf } from './cluster.js';
import { Predecessors } from './predecessors.js';
import type { Settings } from './options.js';

/** Where chaos runs end the process (docs/adr/0035). */
const JOINED = channel('switchhook.kafka.joined');
const REMEMBERED = channel('switchhook.kafka.member-remembered');
const LEFT = channel('switchhook.kafka.left');

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

const PROTOCOL = 'switchhook-copartitioned';
const REBALANCE_TIMEOUT_MS = 15_000;
/** The coordinator has moved or is only starting; the membership itself is not in question. */
const COORDINATOR_AWAY = new Set([
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
]);
/** The group goes on without us: what we held is, or may be, somebody else's. */
const EXPELLED = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

export type Assignment = Readonly<Record<string, readonly number[]>>;

export interface MemberEvents {
  /** Joined: these are ours now. */
  assigned(assignment: Assignment): void;
  /** Awaited before the partitions go back. `lost`: they are gone already, nothing can be committed. */
  revoked(lost: boolean): Promise<void>;
  failed(reason: string): void;
  beating(): void;
}

/**
 * A member of a consumer group (classic protocol, eager): joins, beats, and gives everything back before it joins again.
 * Heart beats come from a timer of their own, so neither a slow handler nor a waiting fetch ever costs the membership,
 * and a rebalance is noticed within a beat (tulios/kafkajs#1046, #1719).
 */
export class GroupMember {
  readonly groupId: string;
  private coordinator: Broker | undefined;
  private memberId = '';
  private generation = -1;
  private owned: readonly number[] = [];
  private lastBeatMs = 0;
  private joined = false;
  private readonly leaving = new AbortController();
  private stopped: Promise<void> | undefined;
  private readonly predecessors: Predecessors;

  constructor(
    private readonly cluster: KafkaCluster,
    private readonly settings: Settings,
    group: string,
    /** With prefix. */
    private readonly topics: readonly string[],
    private readonly events: MemberEvents,
  ) {
    this.groupId = settings.topicPrefix + group;
    this.predecessors = new Predecessors(this.groupId, settings.members, (error) =>
      settings.logger.warn(
        { err: error, group },
        'The members of killed processes may keep their partitions for a while',
      ),
    );
  }

  /** False when so much time has passed without a heartbeat that what we hold may soon be somebody else's. */
  get isSure(): boolean {
    return this.joined && this.settings.now() - this.lastBeatMs < this.settings.sessionTimeoutMs / 2;
  }

  /** Joins; resolves when the first assignment is there. Stays a member until `leave`. */
  async start(): Promise<void> {
    await this.predecessors.end(() => this.findCoordinator());
    await this.rejoin(this.leaving.signal);
    this.stopped = this.stayMember();
  }

  /** Stores progress: the next position by topic (with prefix) and partition. Throws when it was not stored. */
  async commit(topics: OffsetTopics[]): Promise<void> {
    if (!this.joined || topics.length === 0) return;
    const { groupId, memberId, generation } = this;
    const coordinator = await this.findCoordinator();
    try {
      await coordinator.offsetCommit({ groupId, memberId, groupGenerationId: generation, topics });
    } catch (error) {
      this.coordinator = undefined;
      throw error;
    }
  }

  async findCoordinator(): Promise<Broker> {
    if (this.coordinator?.isConnected()) return this.coordinator;
    const cluster = await this.cluster.connect(this.topics);
    this.coordinator = await cluster.findGroupCoordinator({ groupId: this.groupId });
    return this.coordinator;
  }

  /** Gives everything back (which commits) and leaves, so that others need not wait for the session to end. */
  async leave(): Promise<void> {
    this.leaving.abort();
    await this.stopped;
    if (this.memberId === '') return;
    const coordinator = await this.findCoordinator();
    await coordinator.leaveGroup({ groupId: this.groupId, memberId: this.memberId });
    LEFT.publish(undefined);
    await this.predecessors.become('');
  }

  /** Beats until the group wants everybody to join again, gives everything back, joins again; until it leaves. */
  private async stayMember(): Promise<void> {
    const { signal } = this.leaving;
    while (this.joined) {
      const end = await this.beatUntil(signal);
      // Beats go on while work under way is finished: leaving may take longer than a session.
      const drained = new AbortController();
      const beats = end === 'leaving' ? this.keepBeating(drained.signal) : undefined;
      await this.events.revoked(end === 'lost').catch((error: unknown) => this.events.failed(reasonOf(error)));
      drained.abort();
      await beats;
      this.joined = false;
      await this.rejoin(signal);
    }
  }

  private async keepBeating(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) if ((await this.beatUntil(signal)) === 'lost') return;
  }

  private async rejoin(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted;) {
      try {
        return await this.joinOnce();
      } catch (error) {
        failures += 1;
        this.events.failed(reasonOf(error));
        this.coordinator = undefined;
        if (protocolType(error) === undefined) this.cluster.discard();
        await pause(backoffMs(failures, 50, 1_000), signal);
      }
    }
  }

  private async beatUntil(signal: AbortSignal): Promise<'leaving' | 'rebalance' | 'lost'> {
    const everyMs = Math.min(1_000, this.settings.sessionTimeoutMs / 4);
    for (;;) {
      await pause(everyMs, signal);
      if (signal.aborted) return 'leaving';
      let sentMs = 0;
      try {
        const coordinator = await this.findCoordinator();
        const { groupId, memberId, generation } = this;
        sentMs = this.settings.now();
        await coordinator.heartbeat({ groupId, memberId, groupGenerationId: generation });
        this.beat(sentMs);
      } catch (error) {
        const end = this.afterBeat(error, sentMs);
        if (end) return end;
      }
    }
  }

  private afterBeat(error: unknown, sentMs: number): 'rebalance' | 'lost' | undefined {
    const type = protocolType(error);
    if (type === 'REBALANCE_IN_PROGRESS') {
      this.beat(sentMs);
      return 'rebalance';
    }
    if (type !== undefined && EXPELLED.has(type)) {
      if (type === 'UNKNOWN_MEMBER_ID') this.memberId = '';
      return 'lost';
    }
    this.events.failed(reasonOf(error));
    this.coordinator = undefined;
    if (type === undefined || !COORDINATOR_AWAY.has(type)) this.cluster.discard();
    const silentMs = this.settings.now() - this.lastBeatMs;
    return silentMs > this.settings.sessionTimeoutMs ? 'lost' : undefined;
  }

  /** `sentMs`: when it was sent, because an answer that was long on its way says nothing of the time since. */
  private beat(sentMs: number): void {
    this.lastBeatMs = sentMs;
    this.events.beating();
  }

  private async joinOnce(): Promise<void> {
    const { groupId } = this;
    try {
      const coordinator = await this.findCoordinator();
      const group = await coordinator.joinGroup({
        groupId,
        memberId: this.memberId,
        sessionTimeout: this.settings.sessionTimeoutMs,
        rebalanceTimeout: REBALANCE_TIMEOUT_MS,
        groupProtocols: [{ name: PROTOCOL, metadata: this.metadata() }],
      });
      this.memberId = group.memberId;
      this.generation = group.generationId;
      this.lastBeatMs = this.settings.now();
      JOINED.publish(undefined);
      // Before we can be handed anything: from here on a kill leaves a member behind.
      await this.predecessors.become(group.memberId);
      REMEMBERED.publish(undefined);
      const groupAssignment = group.leaderId === group.memberId ? await this.assign(group.members) : [];
      const { memberId, generationId } = group;
      const syncedMs = this.settings.now();
      const synced = await coordinator.syncGroup({ groupId, memberId, generationId, groupAssignment });
      this.beat(syncedMs);
      const assignment: Assignment = MemberAssignment.decode(synced.memberAssignment)?.assignment ?? {};
      this.joined = true;
      this.owned = [...new Set(Object.values(assignment).flat())];
      this.events.assigned(assignment);
    } catch (error) {
      if (protocolType(error) === 'UNKNOWN_MEMBER_ID') this.memberId = '';
      throw error;
    }
  }

  private metadata(): Buffer {
    const userData = Buffer.from(JSON.stringify({ owned: this.owned }));
    return MemberMetadata.encode({ version: 0, topics: [...this.topics], userData });
  }

  /** As the leader of the group: who gets what. */
  private async assign(
    members: readonly { memberId: string; memberMetadata: Buffer }[],
  ): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
    const states = members.map(stateOf);
    await this.cluster.refresh();
    const counts: Record<string, number> = {};
    for (const topic of this.topics) counts[topic] = (await this.cluster.leaders(topic)).length;
    return [...assignPartitions(states, counts)].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }),
    }));
  }
}

function stateOf({ memberId, memberMetadata }: { memberId: string; memberMetadata: Buffer }): GroupMemberState {
  const metadata = MemberMetadata.decode(memberMetadata);
  return { memberId, topics: metadata?.topics ?? [], owned: ownedIn(metadata?.userData) };
}

function ownedIn(userData: Buffer | undefined): number[] {
  try {
    const { owned } = JSON.parse(userData?.toString('utf8') ?? '') as { owned?: unknown };
    return Array.isArray(owned) ? owned.filter((one) => Number.isInteger(one)) : [];
  } catch {
    // Another client's member, or an older one of ours: it keeps nothing.
    return [];
  }
}
