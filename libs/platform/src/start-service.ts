import type { DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Closer } from './closer.js';
import { startConsumers } from './consume.js';
import { createApp } from './create-app.js';
import { openListener, type Listener } from './listener.js';
import { ConfigError, type ConfigFault } from './load-config.js';
import { openResources } from './open-resources.js';
import { Readiness } from './readiness.js';
import type { Resources } from './resources.js';
import { readSettings, type Settings } from './settings.js';

/** A service's one module; `register` reads the service's own settings and may throw `ConfigError`. */
export interface ServiceModule {
  register(env: NodeJS.ProcessEnv): DynamicModule;
}

export interface ServiceOptions {
  readonly name: string;
  readonly modules: readonly ServiceModule[];
  readonly defaultPort: number;
  /** Default: the environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Several services in one process: what they share is made here, and named in the environment that it answers with,
   * instead of being demanded from whoever starts us.
   */
  readonly prepare?: (preparation: Preparation) => Promise<NodeJS.ProcessEnv>;
  /** Called once `/health/ready` answers 200. */
  readonly onReady?: (service: RunningService) => Promise<void> | void;
}

export interface Preparation {
  readonly env: NodeJS.ProcessEnv;
  readonly settings: Settings;
  /** Where this process answers, `http://host:port`. */
  readonly url: string;
  readonly logger: Logger;
  readonly closer: Closer;
}

export interface RunningService {
  readonly url: string;
  /** As `prepare` left it. */
  readonly env: NodeJS.ProcessEnv;
  readonly resources: Resources;
}

/** Calls and requests under way have this long when the process stops (correctness.md §8). */
const GRACE_MS = 10_000;

/**
 * Starts a service: health answers first, then what is shared is opened, then routes and modules, last the consumers.
 * Resolves when consuming has begun. `closer` gets everything that was opened, also when this throws: `StartError` for what
 * the one who starts us can mend, wrong settings (`ConfigError`) among it.
 */
export async function startService(options: ServiceOptions, logger: Logger, closer: Closer): Promise<RunningService> {
  const alone = options.prepare === undefined;
  const env = options.env ?? process.env;
  const settings = readAllSettings(options, env, alone);
  const readiness = new Readiness();
  readiness.add('consumers', () => 'not started yet');
  const { HOST: host, PORT: port = options.defaultPort } = settings;
  const listener = await openListener(host, port, readiness);
  closer.add('HTTP port', () => listener.close(0));
  const url = urlOf(host, listener.port);
  logger.info({ url }, 'starting');

  const prepared = (await options.prepare?.({ env, settings, url, logger, closer })) ?? env;
  const modules = registerAll(options.modules, prepared);
  const name = options.name;
  const opened = { name, alone, settings: readSettings(prepared, { alone }), logger, readiness, closer };
  const resources = await openResources(opened);
  await serve({ resources, modules, listener, closer });
  readiness.add('consumers', () => undefined);
  logger.info({ url }, 'started');
  return { url, env: prepared, resources };
}

/** Where this machine reaches us: a wildcard address is listened on, not called. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

interface Serving {
  readonly resources: Resources;
  readonly modules: readonly DynamicModule[];
  readonly listener: Listener;
  readonly closer: Closer;
}

async function serve({ resources, modules, listener, closer }: Serving): Promise<void> {
  const handOver: Parameters<Listener['handOver']>[0][] = [];
  const app = await createApp({
    ...{ resources, modules, server: listener.server },
    onHandler: (handler) => void handOver.push(handler),
  });
  closer.add('application', () => app.close());
  // Only now: until all routes are there, Fastify would answer 404.
  for (const handler of handOver) listener.handOver(handler);
  const consuming = await startConsumers(app, resources);
  closer.add('requests and consumers', async () => {
    resources.readiness.add('stop', () => 'stopping');
    await Promise.all([listener.close(GRACE_MS), consuming.close()]);
  });
}

/** The common settings; when they are wrong, the message also lists what the modules find wrong with what is set. */
function readAllSettings({ modules }: ServiceOptions, env: NodeJS.ProcessEnv, alone: boolean): Settings {
  try {
    return readSettings(env, { alone });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // What is only missing may still be made by `prepare`, so in one process that is not said yet.
    const theirs = faultsOf(() => registerAll(modules, env)).filter(({ variable }) => alone || env[variable]);
    const ours = new Set(error.faults.map(({ variable }) => variable));
    throw new ConfigError([...error.faults, ...theirs.filter(({ variable }) => !ours.has(variable))]);
  }
}

/** Registers every module. Throws one `ConfigError` with the faults of all. */
function registerAll(modules: readonly ServiceModule[], env: NodeJS.ProcessEnv): DynamicModule[] {
  const registered: DynamicModule[] = [];
  const faults = modules.flatMap((module) => faultsOf(() => registered.push(module.register(env))));
  const distinct = new Map(faults.map((fault) => [`${fault.variable}: ${fault.words}`, fault]));
  if (distinct.size > 0) throw new ConfigError([...distinct.values()]);
  return registered;
}

function faultsOf(read: () => unknown): readonly ConfigFault[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}
