import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// Specs run from the sources: every library's package.json names them under this condition.
const conditions = ['@switchhook/source', 'node'];
const specs = (suffix: string): string[] => [`{apps,libs,tools}/**/*.${suffix}.spec.ts`];
// Starts PostgreSQL and Kafka, each at the first wish for it, so that a run which needs neither costs nothing.
const globalSetup = ['libs/testing/src/global-setup.ts'];

/** What takes longest, mostly waiting (for sessions to end, brokers and servers to start): begun last, it would be waited for alone. */
const LONGEST = [
  'chaos',
  'kill-and-reconcile',
  'kafka-log',
  'embedded-postgres/embedded-postgres',
  'broker-outage',
  'order-flow',
  'restart',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const found = LONGEST.findIndex((name) => moduleId.includes(`/${name}.`));
      return found < 0 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // A worker keeps what it has loaded: half the work of the unit specs was loading the same modules again.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: specs('unit'), sequence: { groupOrder: 0 }, testTimeout: 10_000 },
      },
      {
        extends: true,
        test: {
          name: 'int',
          include: specs('int'),
          globalSetup,
          // They wait most of the time, so that three do not fill two cores.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        // The product itself runs in these, up to six processes of it.
        test: {
          name: 'e2e',
          include: specs('e2e'),
          globalSetup,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
