import {
  NOTICE_SOURCE,
  type TelephonyEvent,
  type Webhook,
  type WebhookDisabled,
  type WebhookExhausted,
} from '@switchhook/contracts';

/** What we say about webhooks, by the name of the event. */
export interface Notices {
  readonly Disabled: Omit<WebhookDisabled, 'webhookId' | 'webhookName'>;
  readonly Exhausted: Omit<WebhookExhausted, 'webhookId' | 'webhookName'>;
}
export type NoticeName = keyof Notices;

/** What is to be said of one kind, and when it was last said. */
export interface NoticeState<Name extends NoticeName = NoticeName> {
  /** Names the event that will say it: the same facts, however often they are read, are one event. */
  readonly id?: string;
  /** What has come together since it was last said. */
  readonly data?: Notices[Name];
  /** Epoch ms. */
  readonly saidAt?: number;
}

/** A webhook and each kind of event are said at most this often (correctness.md §3). */
export const NOTICE_EVERY_MS = 60_000;

/** One more thing to say: the first names the event, the last is what it tells of, and `count` says how many there were. */
export function addNotice<Name extends NoticeName>(
  state: NoticeState<Name> | undefined,
  id: string,
  data: Notices[Name],
): NoticeState<Name> {
  if (state?.data === undefined) return { ...state, id, data };
  const count = state.data.count + data.count;
  const from = 'from' in state.data ? { from: state.data.from } : {};
  return { ...state, data: { ...data, ...from, count } };
}

/** Whether there is something to say that may be said at `nowMs`. */
export const mayBeSaid = ({ data, saidAt }: NoticeState, nowMs: number): boolean =>
  data !== undefined && (saidAt === undefined || nowMs - saidAt >= NOTICE_EVERY_MS || nowMs < saidAt);

/** The event that says it, as a producer would send it. */
export function noticeEvent(
  webhook: Pick<Webhook, 'id' | 'accountId' | 'name'>,
  name: NoticeName,
  { id, data }: { readonly id: string; readonly data: Notices[NoticeName] },
): TelephonyEvent {
  const about = { webhookId: webhook.id, ...(webhook.name !== undefined && { webhookName: webhook.name }) };
  return {
    accountId: webhook.accountId,
    id,
    source: NOTICE_SOURCE,
    type: `Webhook.${name}`,
    subject: `webhook:${webhook.id}`,
    time: new Date('disabledAt' in data ? data.disabledAt : data.to).toISOString(),
    dataContentType: 'application/json',
    extensions: {},
    data: Buffer.from(JSON.stringify({ ...about, ...data })),
  };
}
