import { HEADER, headerText, type Outcome } from '@switchhook/contracts';
import type { LogRecord } from '@switchhook/event-log';
import { observeHop, type Metrics } from '@switchhook/platform';
import type { Logger } from 'pino';
import { attemptResult, isTerminal } from './delivery.js';
import type { DeliveryReport } from './delivery-parts.js';

/** One wide log line and the metrics of each attempt; faults with their cause. No response body, no header: they are not ours. */
export function deliveryReport(metrics: Metrics, logger: Logger, now: () => number): DeliveryReport {
  return {
    attempted: (delivery, outcome) => {
      const { ids } = delivery;
      metrics.attempts.inc({ result: attemptResult(outcome) });
      if (isTerminal(outcome)) metrics.deliveries.inc({ status: outcome.outcome });
      observeHop(metrics, 'send', signedAt(delivery.record), now());
      if (outcome.outcome === 'succeeded') observeHop(metrics, 'total', ids.acceptedAt, now());
      logger.debug({ ...ids, ...attemptFacts(outcome) }, 'delivery attempted');
    },
    breakerChanged: ({ endpoint, state, openings, retryAt }) => {
      const facts = { endpoint: endpoint.key, accountId: endpoint.accountId, state, openings };
      if (state === 'open') logger.warn({ ...facts, retryAt }, 'breaker opened');
      else logger.info(facts, `breaker ${state}`);
    },
    pausesChanged: (parked) => logger.info({ parked }, 'deliveries were paused or resumed'),
    unreadable: (record, reason) => {
      const { topic, partition, position } = record;
      logger.error({ topic, partition, position, reason }, 'record unreadable');
    },
    failed: (what, error) => logger.error({ err: error }, what),
  };
}

const signedAt = (record: LogRecord): number =>
  Number(headerText(record.headers, HEADER.signedAt) ?? record.appendedAtMs);

function attemptFacts({ outcome, attempt, nextAttemptAt, reason }: Outcome) {
  return {
    outcome,
    reason,
    nextAttemptAt,
    statusCode: attempt?.statusCode,
    error: attempt?.error,
    durationMs: attempt?.durationMs,
  };
}
