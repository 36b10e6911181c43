import { classifyCallError } from './attempt-error.js';
import { Dispatchers, type DispatchersOptions } from './dispatchers.js';
import { Exchange, type CallAnswer, type CallToSend } from './exchange.js';

export type { CallAnswer, CallToSend } from './exchange.js';

/** Makes one HTTP call. Never rejects: whatever happens is an answer. */
export type SendCall = (call: CallToSend) => Promise<CallAnswer>;

export interface HttpSender {
  readonly send: SendCall;
  /** Drops the connections; calls should have ended before. */
  close(): Promise<void>;
}

/** The sender. Redirects are never followed. */
export function httpSender(options: DispatchersOptions): HttpSender {
  const dispatchers = new Dispatchers(options);
  const send: SendCall = (call) => {
    const exchange = new Exchange(call);
    try {
      exchange.begin(dispatchers.of(call));
    } catch (error) {
      exchange.fail(classifyCallError(error));
    }
    return exchange.answer;
  };
  return { send, close: () => dispatchers.close() };
}
