import type { EngineUnderTest, MakeEngine } from './engine-under-test.js';

/** A test body on an engine of its own that is disposed of afterwards, whatever happened. */
export const withEngine =
  (makeEngine: MakeEngine, test: (engine: EngineUnderTest) => Promise<void>): (() => Promise<void>) =>
  async () => {
    const engine = await makeEngine();
    try {
      await test(engine);
    } finally {
      await engine.dispose();
    }
  };
