import { destination, pino, type DestinationStream, type Logger } from 'pino';

/** Members that never reach the log, wherever somebody puts them. */
const SECRET_MEMBERS = [
  'authorization',
  'password',
  'secret',
  'token',
  'private',
  'privateKey',
  'clientKey',
  'verifier',
];

const redactedPaths = SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

export interface LoggerOptions {
  readonly service: string;
  readonly level: string;
  /** Default: stderr, so that stdout has only what is meant for the one who started us. */
  readonly stream?: DestinationStream;
}

/** JSON lines, one wide line per operation; secrets redacted by name. */
export function createLogger({ service, level, stream }: LoggerOptions): Logger {
  const options = { level, base: { service }, redact: { paths: redactedPaths, censor: '****' } };
  // Synchronous: at most one line per operation, and a line that is lost in a crash is the one that was needed.
  return pino(options, stream ?? destination({ dest: 2, sync: true }));
}
