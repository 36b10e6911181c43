import { HEADER, headerText, type Outcome } from '@switchhook/contracts';
import type { LogRecord } from '@switchhook/event-log';
import { observeHop, type Metrics } from '@switchhook/platform';
import type { Logger } from 'pino';
import type { BreakerChange } from './breakers.js';
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
    breakerChanged: (change) => logBreaker(logger, change),
    pausesChanged: (parked) => logger.info({ parked }, 'deliveries were paused or resumed'),
    unreadable: (record, reason) => {
      const { topic, partition, position } = record;
      logger.error({ topic, partition, position, reason }, 'record unreadable');
    },
    scheduleLost: (partition, from, to) =>
      logger.warn(
        { partition, from, to },
        'the database lost its last writes to the schedule; reading the outcomes again',
      ),
    failed: (what, error) => logger.error({ err: error }, what),
  };
}

/** Where it happened, and only there, an opening and a closing are one line each; probes that fail, and what others tell, are for who debugs. */
function logBreaker(logger: Logger, { endpoint, state, openings, retryAt, gossip }: BreakerChange): void {
  const facts = { endpoint: endpoint.key, accountId: endpoint.accountId, state, openings };
  if (gossip?.state === 'open' && gossip.since === gossip.at) {
    logger.warn({ ...facts, retryAt, failure: gossip.failure }, 'breaker opened');
  } else if (gossip?.state === 'closed') {
    logger.info({ ...facts, resetBy: gossip.resetBy }, 'breaker closed');
  } else logger.debug({ ...facts, retryAt }, `breaker ${state}`);
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
