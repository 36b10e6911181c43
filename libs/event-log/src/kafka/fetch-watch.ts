import { KafkaCluster, reasonOf } from './cluster.js';
import type { Settings } from './options.js';

const STUCK_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 5_000;

/** What is watched: a fetch loop. */
export interface Fetching {
  /** Epoch ms since which no fetch has been answered although something is wanted; undefined while nothing is. */
  readonly unansweredSinceMs: number | undefined;
  /** The partitions that it wants more of; topics with prefix. */
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

interface Finding {
  readonly fetching: Fetching;
  readonly sinceMs: number;
  readonly reason: string;
}

/**
 * Finds fetch loops that hang although their broker is there (as kafkajs's own did, tulios/kafkajs#659): the one fault of
 * reading that a new process mends. While no leader answers it is the broker that is away, and nothing is found.
 */
export class FetchWatch {
  private readonly watched = new Map<Fetching, string>();
  private findings: readonly Finding[] = [];
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(private readonly deps: FetchWatchDeps) {}

  /** Why this process should be ended and started anew; undefined when there is no reason to. */
  get stuck(): string | undefined {
    return this.findings.find(({ fetching, sinceMs }) => fetching.unansweredSinceMs === sinceMs)?.reason;
  }

  /** `name` is what operators read: whose fetches they are. */
  add(fetching: Fetching, name: string): void {
    this.watched.set(fetching, name);
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
    const found = await Promise.all([...this.watched].map(([fetching, name]) => this.lookAt(fetching, name)));
    this.findings = found.filter((finding) => finding !== undefined);
    this.looking = false;
  }

  private async lookAt(fetching: Fetching, name: string): Promise<Finding | undefined> {
    const sinceMs = fetching.unansweredSinceMs;
    if (sinceMs === undefined || this.deps.now() - sinceMs < STUCK_AFTER_MS) return undefined;
    if (!(await this.deps.leaderAnswers(fetching.wanted()))) return undefined;
    const seconds = Math.floor((this.deps.now() - sinceMs) / 1_000);
    return {
      fetching,
      sinceMs,
      reason: `${name} has had no answer to a fetch for ${seconds} s, but the broker answers`,
    };
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
