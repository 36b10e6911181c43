/** Runs `work` (which answers with how much there was) once a second, and again at once while there was something. */
export class EverySecond {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly work: () => Promise<number>,
    private readonly onError: (error: unknown) => void,
    private readonly everyMs = 1_000,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule(0);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(afterMs: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.run();
    }, afterMs);
  }

  private async run(): Promise<void> {
    let done = 0;
    try {
      done = await this.work();
    } catch (error) {
      this.onError(error);
    }
    this.schedule(done > 0 ? 0 : this.everyMs);
  }
}
