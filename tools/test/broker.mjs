// The real Kafka of a test run: started once, beside the parts that do not need it.
import { spawnSync } from 'node:child_process';
import { obtainKafka, startBroker } from '../kafka/broker.mjs';
import { run, say } from '../setup/project.mjs';

/**
 * Resolves with `{ env, stop() }`, `env` naming the broker for the specs. Where none can be had that is said loudly and
 * `env` is empty: the specs that need one skip themselves, or fail where CI is `true`.
 */
export async function startTestBroker(dir) {
  if (process.env.TEST_KAFKA_BROKERS) return { env: {}, stop: async () => {} };
  try {
    await provideJava();
    await obtainKafka({ log: say });
    const broker = await startBroker({ dir, port: 0, log: say, shortLived: true });
    return { env: { TEST_KAFKA_BROKERS: `127.0.0.1:${broker.port}` }, stop: broker.stop };
  } catch (error) {
    const verdict = process.env.CI === 'true' ? 'A FAILURE, because CI is true' : 'SKIPPED: what runs on a real Kafka';
    say(`\n${'!'.repeat(100)}\n${verdict}\n${error.message}\n${'!'.repeat(100)}\n`);
    return { env: {}, stop: async () => {} };
  }
}

/** On a CI machine that we own (root), Java and Maven are installed when they are missing; nobody else's is changed. */
async function provideJava() {
  if (process.env.CI !== 'true' || process.getuid?.() !== 0) return;
  const missing = Object.entries({ java: 'default-jre-headless', mvn: 'maven' }).filter(([program]) => !works(program));
  if (missing.length === 0 || !works('apt-get')) return;
  say(`Installing ${missing.map(([program]) => program).join(' and ')} (apt-get)`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-qq'], { quiet: true, env });
  const packages = missing.map(([, name]) => name);
  const { code, output } = await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    quiet: true,
    env,
  });
  if (code !== 0) throw new Error(`apt-get could not install ${packages.join(' ')}:\n${output}`);
}

function works(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}
