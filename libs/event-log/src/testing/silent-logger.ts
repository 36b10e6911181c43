import type { Logger } from '../logger.js';

const nothing = (): void => undefined;

/** For tests whose handlers fail on purpose. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
