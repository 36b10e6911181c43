import { defineConfig } from 'vitest/config';

// Specs run from the sources: every library's package.json names them under this condition.
const conditions = ['@switchhook/source', 'node'];
const specs = (suffix: string): string[] => [`{apps,libs,tools}/**/*.${suffix}.spec.ts`];
// Starts PostgreSQL and Kafka, each at the first wish for it, so that a run which needs neither costs nothing.
const globalSetup = ['libs/testing/src/global-setup.ts'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      { extends: true, test: { name: 'unit', include: specs('unit'), testTimeout: 10_000 } },
      {
        extends: true,
        test: { name: 'int', include: specs('int'), globalSetup, testTimeout: 30_000, hookTimeout: 120_000 },
      },
      {
        extends: true,
        // The product itself runs in these: one spec file at a time, or they measure each other.
        test: {
          name: 'e2e',
          include: specs('e2e'),
          globalSetup,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
