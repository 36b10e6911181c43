import { X509Certificate } from 'node:crypto';
import type { Webhook } from '@switchhook/contracts';
import type { WebhookDirectory } from '@switchhook/platform';
import type { Logger } from 'pino';

export interface CertificateWatchDeps {
  readonly directory: Pick<WebhookDirectory, 'all' | 'whenCaughtUp'>;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
  /** Client certificates with less than 30 days to go. */
  readonly expiring: { set(count: number): void };
  readonly now: () => number;
  readonly everyMs?: number;
}

const DAY_MS = 24 * 60 * 60 * 1_000;
const WARN_BEFORE_MS = 30 * DAY_MS;
const EVERY_MS = 60 * 60 * 1_000;

/** Warns of client certificates that expire within 30 days: one log line per webhook and day, and a gauge. Nest calls the hooks. */
export class CertificateWatch {
  /** When it was last said of which certificate. */
  private readonly said = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly deps: CertificateWatchDeps) {
    this.timer = setInterval(() => this.look(), deps.everyMs ?? EVERY_MS).unref();
  }

  async onApplicationBootstrap(): Promise<void> {
    void this.deps.directory.whenCaughtUp.then(() => this.look());
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Looks through all webhooks now. */
  look(): void {
    const { directory, expiring, now, logger } = this.deps;
    const nowMs = now();
    let count = 0;
    for (const webhook of directory.all()) {
      const validToMs = validToOf(webhook);
      if (validToMs === undefined || validToMs - nowMs > WARN_BEFORE_MS) continue;
      count += 1;
      const name = `${webhook.id}/${validToMs}`;
      if (nowMs - (this.said.get(name) ?? -Infinity) < DAY_MS) continue;
      this.said.set(name, nowMs);
      const facts = { webhookId: webhook.id, accountId: webhook.accountId, validTo: new Date(validToMs).toISOString() };
      if (validToMs <= nowMs) logger.error(facts, 'the client certificate of a webhook has expired');
      else logger.warn(facts, 'the client certificate of a webhook expires within 30 days');
    }
    expiring.set(count);
  }
}

/** Of a webhook that makes calls with a client certificate: when that ends, epoch ms. */
function validToOf({ status, tls }: Webhook): number | undefined {
  if (tls?.clientCertificate === undefined || status === 'deleted' || status === 'disabled') return undefined;
  return new X509Certificate(tls.clientCertificate).validToDate.getTime();
}
