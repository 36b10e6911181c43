import { KafkaCluster, reasonOf } from './cluster.js';
import type { Settings } from './options.js';

const STUCK_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 5_000;

/** What is watched: a fetch loop. */
export interface Fetching {
  /** Epoch ms at which a broker last answered a fetch; 0 before the first. */
  readonly answeredMs: number;
  /** The partitions that it wants more of now; topics with prefix. */
  wanted(): readonly WantedPartition[];
}

export interface WantedPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface FetchWatchDeps {
  readonly now: () => number;
  /** Whether a broker that leads one of these answers a metadata request now. Never rejects. */
  readonly leaderAnswers: (wanted: readonly WantedPartition[]) => Promise<boolean>;
}

interface Watched {
  readonly name: string;
  /** When it was last seen to want nothing: until then it had nothing to ask. */
  idleMs: number;
}

interface Finding {
  readonly fetching: Fetching;
  readonly answeredMs: number;
  readonly reason: string;
}

/**
 * Finds fetch loops that hang although their broker is there (as kafkajs's own did, tulios/kafkajs#659): the one fault of
 * reading that a new process mends. While no leader answers it is the broker that is away, and nothing is found.
 */
export class FetchWatch {
  private readonly watched = new Map<Fetching, Watched>();
  private findings: readonly Finding[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(private readonly deps: FetchWatchDeps) {}

  /** Why this process should be ended and started anew; undefined when there is no reason to. */
  get stuck(): string | undefined {
    const stands = ({ fetching, answeredMs }: Finding): boolean =>
      fetching.answeredMs === answeredMs && fetching.wanted().length > 0;
    return this.findings.find(stands)?.reason;
  }

  /** `name` is what operators read: whose fetches they are. */
  add(fetching: Fetching, name: string): void {
    this.watched.set(fetching, { name, idleMs: this.deps.now() });
    this.timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
  }

  forget(fetching: Fetching): void {
    this.watched.delete(fetching);
    this.findings = this.findings.filter((finding) => finding.fetching !== fetching);
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Looks at all of them once; without effect while another look is under way. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    const found = await Promise.all([...this.watched].map(([fetching, watched]) => this.lookAt(fetching, watched)));
    this.findings = found.filter((finding) => finding !== undefined);
    this.looking = false;
  }

  private async lookAt(fetching: Fetching, watched: Watched): Promise<Finding | undefined> {
    const wanted = fetching.wanted();
    if (wanted.length === 0) watched.idleMs = this.deps.now();
    const { answeredMs } = fetching;
    const silentMs = this.deps.now() - Math.max(answeredMs, watched.idleMs);
    if (silentMs < STUCK_AFTER_MS || !(await this.deps.leaderAnswers(wanted))) return undefined;
    const words = `has had no answer to a fetch for ${Math.floor(silentMs / 1_000)} s, but the broker answers`;
    return { fetching, answeredMs, reason: `${watched.name} ${words}` };
  }
}

/** `FetchWatchDeps.leaderAnswers`, over connections of its own: those of the fetch loop may be what hangs. */
export async function leaderAnswers(wanted: readonly WantedPartition[], settings: Settings): Promise<boolean> {
  const kafka = new KafkaCluster(settings);
  try {
    const answers = wanted.map(async ({ topic, partition }) => {
      const leader = (await kafka.leaders(topic))[partition];
      if (leader === undefined) throw new Error(`${topic} ${partition} has no leader at present`);
      await (await kafka.broker(leader)).metadata([topic]);
    });
    await Promise.any(answers);
    return true;
  } catch (error) {
    settings.logger.debug({ reason: reasonOf(error) }, 'No broker that leads what is fetched answers');
    return false;
  } finally {
    await kafka.close();
  }
}
