import { retryPolicyOf } from '@switchhook/domain';
import type { HandleAhead, LogRecord, OutgoingRecord } from '@switchhook/event-log';
import { prepareCall } from './prepare-call.js';
import { readRequested } from './requested.js';
import type { SignDeps } from './sign.js';

/** What `sign` would answer to requests that can be signed at once: all others are left to it. */
export const signAhead =
  (deps: SignDeps, onDone: (count: number) => void): HandleAhead =>
  ({ records }) => {
    const nowMs = deps.now();
    const outputs: OutgoingRecord[] = [];
    for (const record of records) {
      const signed = signAtOnce(deps, record, nowMs);
      if (!signed) return undefined;
      outputs.push(signed);
    }
    const appended = (): void => {
      for (const { appendedAtMs } of records) deps.counters.done(appendedAtMs);
      onDone(records.length);
    };
    return { outputs, appended };
  };

/** Undefined where the webhook or its key is not at hand, and where there may be no call. */
function signAtOnce({ webhooks, keys }: SignDeps, record: LogRecord, nowMs: number): OutgoingRecord | undefined {
  const request = readRequested(record);
  if ('unreadable' in request) return undefined;
  const { webhookId, webhookVersion, accountId, acceptedAt } = request.ids;
  const webhook = webhooks.has(webhookId, webhookVersion) ? webhooks.get(webhookId) : undefined;
  if (webhook?.accountId !== accountId || webhook.status === 'disabled' || webhook.status === 'deleted')
    return undefined;
  if (nowMs - acceptedAt > retryPolicyOf(webhook).maxAgeMs) return undefined;
  const known = keys.keysOf(webhook);
  if (known instanceof Promise || 'unreadable' in known) return undefined;
  const signed = prepareCall(request, webhook, known, nowMs);
  return 'tooLarge' in signed ? undefined : signed;
}
