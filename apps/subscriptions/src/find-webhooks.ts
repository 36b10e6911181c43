import type { Webhook } from '@switchhook/contracts';
import type { Actor } from '@switchhook/platform';
import type { FailingView, FailingWebhooks } from './failing-webhooks.js';
import type { Page, PageRequest, WebhookFilter, WebhookTable } from './webhook-table.js';

export interface FindWebhooksDeps {
  readonly table: Pick<WebhookTable, 'find'>;
  readonly failingOf: FailingWebhooks;
}

/** `failing`: only those that fail, or only those that do not. */
export type WebhookSearch = Omit<WebhookFilter, 'ids'> & { readonly failing?: boolean };

/** A page; where it was asked who fails, also how. */
export type FoundWebhooks = Page<Webhook> & { readonly failing?: ReadonlyMap<number, FailingView> };

export type FindWebhooks = (actor: Actor, search: WebhookSearch, page: PageRequest) => Promise<FoundWebhooks>;

/** Finds webhooks of the actor's account. */
export const findWebhooks =
  ({ table, failingOf }: FindWebhooksDeps): FindWebhooks =>
  async ({ accountId }, { failing: isWanted, ...filter }, page) => {
    if (isWanted === undefined) return table.find(accountId, filter, page);
    const failing = await failingOf(accountId);
    const ids = { isAmong: isWanted, ids: [...failing.keys()] };
    return { ...(await table.find(accountId, { ...filter, ids }, page)), failing };
  };
