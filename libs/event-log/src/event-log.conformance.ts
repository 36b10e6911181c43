import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe } from 'vitest';
import { aheadCases } from './conformance/ahead.js';
import { compactionCases } from './conformance/compaction.js';
import { crashCases } from './conformance/crash.js';
import type { EngineTraits, MakeEngine } from './conformance/engine-under-test.js';
import { memberCases } from './conformance/members.js';
import { operationCases } from './conformance/operations.js';
import { orderCases } from './conformance/order.js';
import { progressCases } from './conformance/progress.js';
import { readerCases } from './conformance/readers.js';
import { rejectedCases } from './conformance/rejected.js';
import { retryCases } from './conformance/retries.js';
import { sizeCases } from './conformance/sizes.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const TSC = fileURLToPath(new URL('../../../node_modules/.bin/tsc', import.meta.url));

/**
 * What every engine of the event log must do. `makeEngine` is called once per test; `traits` says where an engine
 * promises more than the other.
 */
export function eventLogConformance(name: string, makeEngine: MakeEngine, traits: EngineTraits): void {
  describe(`event log: ${name}`, () => {
    // The child that is killed runs as plain JavaScript.
    beforeAll(() => promisify(execFile)(TSC, ['-b', PROJECT]), 120_000);

    orderCases(makeEngine);
    crashCases(makeEngine, traits);
    memberCases(makeEngine, traits);
    rejectedCases(makeEngine);
    retryCases(makeEngine);
    progressCases(makeEngine);
    aheadCases(makeEngine);
    readerCases(makeEngine);
    sizeCases(makeEngine);
    operationCases(makeEngine);
    compactionCases(makeEngine);
  });
}
