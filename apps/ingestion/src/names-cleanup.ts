export interface NamesCleanupDeps {
  readonly names: { deleteOld(nowMs: number, keptHours: number): Promise<number> };
  readonly now: () => number;
  readonly keptHours: number;
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}

/** Deletes old names from time to time, as long as the module lives. */
export class NamesCleanup {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly deps: NamesCleanupDeps) {}

  onApplicationBootstrap(): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#run();
    }, this.deps.everyMs);
    this.#timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { names, now, keptHours, onError } = this.deps;
    await names.deleteOld(now(), keptHours).catch(onError);
    if (this.#timer) this.onApplicationBootstrap();
  }
}
