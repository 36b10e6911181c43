import { LIMITS, type AttemptError, type PreparedCall } from '@switchhook/contracts';
import { asksForBasic } from '@switchhook/domain';
import type { Dispatcher } from 'undici';
import { classifyCallError } from './attempt-error.js';
import type { Presented } from './presented.js';

export interface CallToSend {
  readonly call: PreparedCall;
  readonly body: Buffer;
  /** The whole exchange, from connecting to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly nonStrictSsl: boolean;
  /** Credentials, fixed headers and certificates; most webhooks have none. */
  readonly presented?: Presented | undefined;
  /** True for the receiver of our own sample event only. */
  readonly allowLoopback: boolean;
  readonly signal: AbortSignal;
}

export interface CallAnswer {
  /** There, too, when the answer began well and `error` says how it ended. */
  readonly statusCode: number | null;
  readonly error: AttemptError | null;
  /** At most 1 KiB. */
  readonly responseBody: string | null;
  readonly retryAfter?: string;
  /** We broke the call off ourselves, because the partition went away: it has no outcome. */
  readonly abandoned: boolean;
}

const NOTHING = Buffer.alloc(0);

/**
 * One call, from its beginning to its answer: undici's own handler, because its `request()` lets a deadline pass while a
 * connection is being made or waited for, and a name may hang there for as long as it likes. Settles once; a request that has
 * not been written when its time is over is never written.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<CallAnswer>;
  private settle!: (answer: CallAnswer) => void;
  private readonly timer: NodeJS.Timeout;
  private isSettled = false;
  private dispatcher: Dispatcher | undefined;
  private controller: Dispatcher.DispatchController | undefined;
  private statusCode: number | null = null;
  private retryAfter: string | undefined;
  private kept = NOTHING;
  private bytes = 0;
  /** `WWW-Authenticate`, while we have credentials that wait for it. */
  private challenge: string | string[] | undefined;
  private hasAnsweredChallenge = false;
  /**
   * The partition went away: there is no outcome. A function: Node makes one of a listener that is an object, which keeps all of
   * this until the next major collection (docs/adr/0043).
   */
  private readonly abandon = (): void => this.cut(null, true);

  constructor(private readonly call: CallToSend) {
    this.answer = new Promise((resolve) => (this.settle = resolve));
    this.timer = setTimeout(() => this.cut('timeout'), call.timeoutMs);
    call.signal.addEventListener('abort', this.abandon);
    if (call.signal.aborted) this.abandon();
  }

  /** Sends the request. */
  begin(dispatcher: Dispatcher): void {
    if (this.isSettled) return;
    this.dispatcher = dispatcher;
    const { call, presented } = this.call;
    this.dispatch(presented === undefined ? call.headers : { ...call.headers, ...presented.headers });
  }

  /** There is nothing to send it with. */
  fail(error: AttemptError): void {
    this.end(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isSettled) controller.abort(new Error('the time of this call was over before it could begin'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // Early hints and the like: the answer is still to come (RFC 9110 §15.2).
    if (statusCode < 200) return;
    this.statusCode = statusCode;
    const retryAfter = headers['retry-after'];
    if (typeof retryAfter === 'string') this.retryAfter = retryAfter;
    if (this.call.presented?.whenAsked !== undefined && statusCode === 401)
      this.challenge = headers['www-authenticate'];
  }

  /**
   * At most 64 KiB are read, as they come: nothing is decompressed. The first KiB is kept. What comes behind them changes
   * nothing: the status has said whether the receiver has it (ADR 0037).
   */
  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const room = LIMITS.responseKeptBytes - this.kept.length;
    if (room > 0) this.kept = Buffer.concat([this.kept, chunk.subarray(0, room)]);
    this.bytes += chunk.length;
    if (this.bytes > LIMITS.responseReadBytes) this.cut(this.errorOfStatus());
  }

  onResponseEnd(): void {
    if (this.challenge !== undefined && this.answersChallenge()) return;
    this.end(this.errorOfStatus());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.end(classifyCallError(error));
  }

  /** RFC 7235: the same request with credentials, once, within the same time. Whether it was sent. */
  private answersChallenge(): boolean {
    const { presented, call } = this.call;
    const authorization = presented?.whenAsked;
    if (this.isSettled || this.hasAnsweredChallenge || authorization === undefined) return false;
    if (!asksForBasic(this.challenge)) return false;
    this.hasAnsweredChallenge = true;
    this.statusCode = null;
    this.retryAfter = undefined;
    this.kept = NOTHING;
    this.bytes = 0;
    this.dispatch({ ...call.headers, ...presented?.headers, authorization });
    return true;
  }

  /** A redirect is an outcome of its own; of every other status the profile says what it means. */
  private errorOfStatus(): AttemptError | null {
    return this.statusCode !== null && this.statusCode >= 300 && this.statusCode < 400 ? 'redirect' : null;
  }

  private dispatch(headers: Readonly<Record<string, string>>): void {
    const { url, method } = this.call.call;
    try {
      const { origin, pathname, search } = new URL(url);
      this.dispatcher?.dispatch({ origin, path: pathname + search, method, headers, body: this.call.body }, this);
    } catch (error) {
      this.end(classifyCallError(error));
    }
  }

  /** Answers now; what is still under way is broken off, its connection with it. */
  private cut(error: AttemptError | null, abandoned = false): void {
    this.end(error, abandoned);
    this.controller?.abort(new Error('broken off'));
  }

  private end(error: AttemptError | null, abandoned = false): void {
    if (this.isSettled) return;
    this.isSettled = true;
    clearTimeout(this.timer);
    this.call.signal.removeEventListener('abort', this.abandon);
    const { statusCode, retryAfter, kept } = this;
    const responseBody = kept.length === 0 ? null : kept.toString('utf8');
    this.settle({ statusCode, error, responseBody, abandoned, ...(retryAfter !== undefined && { retryAfter }) });
  }
}
