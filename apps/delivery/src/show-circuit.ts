import type { Webhook, WebhookCircuit } from '@switchhook/contracts';
import { HttpFault, validate, type Actor } from '@switchhook/platform';
import { z } from 'zod';
import type { Circuits } from './circuits.js';

export interface ShowCircuitDeps {
  readonly circuits: Pick<Circuits, 'look' | 'reset'>;
  readonly webhooks: {
    get(webhookId: number): Webhook | undefined;
    /** Resolves when everything is known that is on the log now. */
    reachEnd(): Promise<void>;
  };
  readonly deadlineMs?: number;
}

/** What `/v2/webhooks/{id}/circuit` answers. Throws a 404 for a webhook that the actor's account does not have. */
export interface ShowCircuit {
  look(actor: Actor, webhookId: string, query: unknown): Promise<WebhookCircuit>;
  /** Throws a 503 when the log does not take it in time: the breaker is closed here, and elsewhere once the log is back. */
  reset(actor: Actor, webhookId: string, query: unknown, body: unknown): Promise<WebhookCircuit>;
}

/** Our own resources name what they do not know (interfaces.md, "Errors"). */
const NothingSchema = z.strictObject({});
const WEBHOOK_ID = /^[1-9]\d{0,15}$/;

export function showCircuit({ circuits, webhooks, deadlineMs = 5_000 }: ShowCircuitDeps): ShowCircuit {
  const find = async ({ accountId }: Actor, id: string): Promise<Webhook> => {
    const webhookId = WEBHOOK_ID.test(id) ? Number(id) : Number.NaN;
    const own = (): Webhook | undefined => {
      const webhook = webhooks.get(webhookId);
      return webhook?.accountId === accountId && webhook.status !== 'deleted' ? webhook : undefined;
    };
    const known = own();
    if (known) return known;
    // One that was created a moment ago may not have come to this instance: absence is no answer.
    await webhooks.reachEnd();
    const found = own();
    if (!found) throw new HttpFault('unknownId', `There is no webhook ${id}`);
    return found;
  };
  return {
    look: async (actor, id, query) => {
      validate(NothingSchema, query);
      return within(deadlineMs, async () => circuits.look(await find(actor, id)));
    },
    reset: async (actor, id, query, body) => {
      validate(NothingSchema, query);
      validate(NothingSchema, body ?? {});
      return within(deadlineMs, async () => circuits.reset(await find(actor, id), actor.credentialId));
    },
  };
}

async function within<Result>(deadlineMs: number, work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const fault = new HttpFault('logUnavailable', 'The event log does not answer: send the same again', {
      retryAfterSeconds: 5,
    });
    timer = setTimeout(() => reject(fault), deadlineMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
