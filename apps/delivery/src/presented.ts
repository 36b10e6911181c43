import { createHash } from 'node:crypto';
import type { Sealed, Webhook, WebhookAuth } from '@switchhook/contracts';
import { LRUCache } from 'lru-cache';

/** What a webhook's calls present to its receiver: opened, and kept in memory only. */
export interface Presented {
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** `Authorization` for a receiver that answers 401 and asks for Basic credentials. */
  readonly whenAsked: string | undefined;
  readonly tls: PresentedTls | undefined;
}

/** PEM, and a name that tells it from any other. */
export interface PresentedTls {
  readonly name: string;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Something sealed cannot be opened by us: another key file, or a damaged record. */
export interface Unreadable {
  readonly unreadable: string;
}

/** Opens what is sealed to delivery as `field` of this webhook. Rejects when it cannot be opened. */
export type OpenField = (webhook: Webhook, field: string, sealed: Sealed) => Promise<string>;

/**
 * The credentials of webhooks, opened once per version that changes their calls. Who asks while they are being opened waits for
 * the same opening. What does not open is remembered too: asking again would answer the same.
 */
export class PresentedCredentials {
  readonly #opened: LRUCache<string, Presented | Unreadable>;
  readonly #opening = new Map<string, Promise<Presented | Unreadable>>();

  constructor(
    private readonly openField: OpenField,
    private readonly report: (webhook: Webhook, error: unknown) => void,
    keptMax = 20_000,
  ) {
    this.#opened = new LRUCache({ max: keptMax });
  }

  /** What the webhook's calls present in this version; undefined for most, which present nothing. Never rejects. */
  of(webhook: Webhook): Presented | Unreadable | Promise<Presented | Unreadable> | undefined {
    if (webhook.auth === undefined && webhook.headers === undefined && webhook.tls === undefined) return undefined;
    const name = `${webhook.id}/${webhook.callVersion}`;
    const known = this.#opened.get(name) ?? this.#opening.get(name);
    if (known) return known;
    const opening = this.#open(webhook).then((presented) => {
      this.#opened.set(name, presented);
      this.#opening.delete(name);
      return presented;
    });
    this.#opening.set(name, opening);
    return opening;
  }

  async #open(webhook: Webhook): Promise<Presented | Unreadable> {
    const open = (field: string, sealed: Sealed) => this.openField(webhook, field, sealed);
    try {
      const headers = await openHeaders(webhook.headers ?? {}, open);
      const authorization = webhook.auth && (await openAuth(webhook.auth, open));
      const waits = webhook.auth?.type === 'basic-challenge';
      return {
        headers: authorization === undefined || waits ? headers : { ...headers, authorization },
        whenAsked: waits ? authorization : undefined,
        tls: webhook.tls && (await openTls(webhook.tls, open)),
      };
    } catch (error) {
      this.report(webhook, error);
      return { unreadable: error instanceof Error ? error.message : String(error) };
    }
  }
}

type Open = (field: string, sealed: Sealed) => Promise<string>;

async function openHeaders(headers: NonNullable<Webhook['headers']>, open: Open): Promise<Record<string, string>> {
  const entries = Object.entries(headers).map(
    async ([name, sealed]) => [name, await open(`headers.${name.toLowerCase()}`, sealed)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** The value of `Authorization`: RFC 7617 (in UTF-8) or RFC 6750. */
async function openAuth(auth: WebhookAuth, open: Open): Promise<string> {
  if (auth.type === 'bearer') return `Bearer ${await open('auth.token', auth.token)}`;
  const password = await open('auth.password', auth.password);
  return `Basic ${Buffer.from(`${auth.username}:${password}`).toString('base64')}`;
}

async function openTls(tls: NonNullable<Webhook['tls']>, open: Open): Promise<PresentedTls> {
  const { caCertificates: ca, clientCertificate: cert, clientKey } = tls;
  const key = clientKey && (await open('tls.clientKey', clientKey));
  const name = createHash('sha256')
    .update(JSON.stringify([ca, cert, key]))
    .digest('base64url');
  return { name, ca, cert, key };
}
