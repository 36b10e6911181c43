import type { Webhook } from '@switchhook/contracts';
import type { Metrics } from '@switchhook/platform';
import type { Logger } from 'pino';
import { Counter } from 'prom-client';

/** Counts and logs a webhook whose credentials do not open: the wrong key file, most likely, and somebody must know. */
export function credentialsUnreadable(metrics: Metrics, logger: Logger): (webhook: Webhook, error: unknown) => void {
  const counter = new Counter({
    name: 'switchhook_credentials_unreadable_total',
    help: 'Credentials that could not be opened: their deliveries end as exhausted, secret-unreadable',
    registers: [metrics.registry],
  });
  return ({ id, version }, error) => {
    counter.inc();
    const reason = error instanceof Error ? error.message : String(error);
    logger.error({ webhookId: id, version, reason }, 'the credentials of a webhook cannot be opened');
  };
}
