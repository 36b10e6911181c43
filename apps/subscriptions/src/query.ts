import { ALL_RESOURCES, PROFILE_NAMES, findResource } from '@switchhook/contracts';
import { invalid, validate } from '@switchhook/platform';
import { z } from 'zod';
import type { WebhookSearch } from './find-webhooks.js';
import type { PageRequest } from './webhook-table.js';

/** CallFire documents 100 as the default (telephony.md §1.1); the upper bound is ours. */
const LIMIT = { preset: 100, most: 1_000 } as const;

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .refine((text) => /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

/** Postgres has no text with a NUL in it, so nothing could be found. */
const Text = z.string().refine((text) => !text.includes('\0'), { error: 'must not contain U+0000' });

const Fields = { fields: z.string().max(10_000).optional() };

const Paging = {
  limit: wholeNumber(1, LIMIT.most).default(LIMIT.preset),
  offset: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
};

const YesOrNo = z.enum(['true', 'false'], { error: 'must be true or false' }).transform((text) => text === 'true');

const FindWebhooks = z.strictObject({
  ...Fields,
  ...Paging,
  name: Text.optional(),
  resource: Text.optional(),
  event: Text.optional(),
  callback: Text.optional(),
  enabled: YesOrNo.optional(),
  /** Ours. */
  failing: YesOrNo.optional(),
});

export interface WebhookQuery {
  readonly fields: string | undefined;
  readonly page: PageRequest;
  readonly filter: WebhookSearch;
}

/** The parameters of `findWebhooks`. Throws a 400 that names each one that is unknown or has a wrong value. */
export function readWebhookQuery(query: unknown): WebhookQuery {
  const { fields, limit, offset, resource, event, ...filter } = validate(FindWebhooks, query);
  return {
    fields,
    page: { limit, offset },
    filter: {
      ...filter,
      ...(resource !== undefined && { resource: knownResource(resource) }),
      ...(event !== undefined && { event: knownEvent(event) }),
    },
  };
}

/** The parameters of a list that cannot be narrowed. */
export function readPageQuery(query: unknown): { readonly fields: string | undefined; readonly page: PageRequest } {
  const { fields, ...page } = validate(z.strictObject({ ...Fields, ...Paging }), query);
  return { fields, page };
}

/** The parameter of operations that take `fields` only. */
export const readFieldsQuery = (query: unknown): string | undefined => validate(z.strictObject(Fields), query).fields;

const CATALOGUES = [...PROFILE_NAMES, '*'] as const;

/** The parameters of the event catalogue: of which profile, `*` for all and ours. */
export const readCatalogueQuery = (query: unknown) =>
  validate(
    z.strictObject({
      ...Fields,
      profile: z.enum(CATALOGUES, { error: `must be one of ${CATALOGUES.join(', ')}` }).optional(),
    }),
    query,
  );

/** The id in a path; null for what cannot be one, which is as unknown as any other. */
export function readId(text: string): number | null {
  const id = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(id) ? id : null;
}

function knownResource(text: string): string {
  const found = findResource(text);
  if (found) return found.resource;
  const supported = ALL_RESOURCES.map(({ resource }) => resource).join(', ');
  throw invalid([{ field: 'resource', message: `must be one of ${supported}` }]);
}

const eventNames = [...new Set(ALL_RESOURCES.flatMap(({ supportedEvents }) => supportedEvents))];

function knownEvent(text: string): string {
  const found = eventNames.find((name) => name.toLowerCase() === text.toLowerCase());
  if (found) return found;
  throw invalid([{ field: 'event', message: `must be one of ${eventNames.join(', ')}` }]);
}
