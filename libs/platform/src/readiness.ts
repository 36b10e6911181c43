/** A named check of `/health/ready`: what is wrong, in words, or undefined when nothing is. */
export type ReadinessCheck = () => string | undefined;

export interface HealthBody {
  readonly status: 'ok' | 'failing';
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}

/** The checks that decide whether this process can do its work now. Checks are cheap and synchronous: they look, they do not ask. */
export class Readiness {
  readonly #checks = new Map<string, ReadinessCheck>();

  /** Adds the check called `name`, or replaces it. */
  add(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  /** What `/health/ready` answers. A check that throws has failed. */
  report(): HealthBody {
    const checks: Record<string, { ok: boolean; reason?: string }> = {};
    let ok = true;
    for (const [name, check] of this.#checks) {
      const reason = reasonOf(check);
      checks[name] = reason === undefined ? { ok: true } : { ok: false, reason };
      ok &&= reason === undefined;
    }
    return { status: ok ? 'ok' : 'failing', checks };
  }
}

function reasonOf(check: ReadinessCheck): string | undefined {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
