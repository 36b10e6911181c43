import type { EventLogHealth } from '../event-log.js';

/** What is wrong at present, and since when. Each thing that can fail reports under a name of its own. */
export class HealthBook {
  private readonly faults = new Map<string, { reason: string; sinceMs: number; graceMs: number }>();

  constructor(private readonly now: () => number) {}

  /** `name` fails; it counts as unhealthy when that has lasted `graceMs`. Says whether this is new. */
  failing(name: string, reason: string, graceMs: number): boolean {
    const before = this.faults.get(name);
    this.faults.set(name, { reason, graceMs, sinceMs: before?.sinceMs ?? this.now() });
    return before === undefined;
  }

  /** `name` works. Says whether it had failed. */
  working(name: string): boolean {
    return this.faults.delete(name);
  }

  health(): EventLogHealth {
    for (const { reason, sinceMs, graceMs } of this.faults.values()) {
      if (this.now() - sinceMs >= graceMs) return { ok: false, reason };
    }
    return { ok: true };
  }
}
