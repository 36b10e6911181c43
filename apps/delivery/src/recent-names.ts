/** Into so many parts what is remembered is divided: a name is looked for in each, and an eighth more than asked for is kept. */
const GENERATIONS = 8;

/**
 * Remembers the last `max` names that were added, at least, and an eighth more at most. They are forgotten by the generation:
 * to take the oldest name out of one large set means to walk over the places of all that were taken out before it, up to a millisecond
 * for half a million of them (docs/adr/0050).
 */
export class RecentNames {
  private readonly namesPerGeneration: number;
  /** The newest first. */
  private generations: readonly Set<string>[] = [new Set()];

  constructor(private readonly max: number) {
    this.namesPerGeneration = Math.max(1, Math.ceil(max / GENERATIONS));
  }

  add(name: string): void {
    const [newest] = this.generations;
    newest!.add(name);
    if (newest!.size < this.namesPerGeneration) return;
    const kept = Math.ceil(this.max / this.namesPerGeneration);
    this.generations = [new Set(), ...this.generations.slice(0, kept)];
  }

  has(name: string): boolean {
    for (const generation of this.generations) if (generation.has(name)) return true;
    return false;
  }

  /** How many names are remembered; one that was added again after a while counts twice. */
  get size(): number {
    return this.generations.reduce((sum, generation) => sum + generation.size, 0);
  }
}
