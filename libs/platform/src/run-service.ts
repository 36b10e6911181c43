import { flushCompileCache } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { LostPositionsError } from '@switchhook/event-log';
import type { Logger } from 'pino';
import { Closer } from './closer.js';
import { createLogger } from './logging.js';
import { StartError } from './start-error.js';
import { startService, type RunningService, type ServiceOptions } from './start-service.js';

/** A stop that takes longer is cut: something hangs, and what it holds will be done again by the next start. */
const STOP_LIMIT_MS = 30_000;
const READY_POLL_MS = 50;

/** A process of ours: what it does between its start and a signal. */
export interface ProcessOptions {
  readonly name: string;
  /** Default: the environment of the process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Starts it, gives `closer` what must be closed, and resolves when it is ready. */
  readonly start: (logger: Logger, closer: Closer) => Promise<void>;
}

/** Runs a service as `runProcess` does, and calls `onReady` once it is ready. */
export async function runService(options: ServiceOptions): Promise<void> {
  await runProcess({
    ...options,
    start: async (logger, closer) => {
      const service = await startService(options, logger, closer);
      await whenReady(service);
      await options.onReady?.(service);
    },
  });
}

/**
 * Runs a process until SIGTERM or SIGINT; then stops it in order and ends with 0 (a second signal ends it at once). A start
 * that fails ends it with 1: wrong settings and a port in use with one message and no stack.
 */
export async function runProcess(options: ProcessOptions): Promise<void> {
  const level = (options.env ?? process.env)['LOG_LEVEL'];
  const logger = createLogger({ service: options.name, level: isLevel(level) ? level : 'info' });
  const closer = new Closer(logger);
  goOnUnread();
  const stopping = stopOnSignals(closer, logger);
  try {
    await options.start(logger, closer);
    // Now, because who is killed has no other time for it.
    flushCompileCache();
  } catch (error) {
    // A start that is stopped fails somewhere in the middle; that is no news.
    if (stopping.aborted) return;
    tell(error, logger);
    await closer.closeAll();
    process.exit(1);
  }
}

/**
 * Whoever reads what we say may go away before us (`npm start | head`). We go on: a process that ends of that leaves its
 * database running. The logger minds its own stream.
 */
function goOnUnread(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}

function tell(error: unknown, logger: Logger): void {
  if (error instanceof StartError || error instanceof LostPositionsError) process.stderr.write(`${error.message}\n`);
  else logger.fatal({ err: error }, 'the start failed');
}

/** The level is checked with the other settings; a wrong one must not keep that message from being seen. */
const isLevel = (text: string | undefined): text is string =>
  text !== undefined && ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].includes(text);

/** Aborted once a signal has come. */
function stopOnSignals(closer: Closer, logger: Logger): AbortSignal {
  const stopping = new AbortController();
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
    logger.info({ signal }, 'stopping');
    setTimeout(() => {
      logger.error('the stop took too long and was cut');
      process.exit(1);
    }, STOP_LIMIT_MS).unref();
    await closer.closeAll();
    logger.info('stopped');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, (name) => void stop(name));
  return stopping.signal;
}

async function whenReady({ resources }: RunningService): Promise<void> {
  while (resources.readiness.report().status !== 'ok') await pause(READY_POLL_MS);
}
