import {
  CircuitSchema,
  DeliveryPageSchema,
  DeliverySchema,
  DeliveryWithAttemptsSchema,
  EventPageSchema,
  LoggedAttemptSchema,
  LoggedEventSchema,
  ORDERINGS,
  PAUSE_SCOPES,
  PROFILE_NAMES,
  WebhookCircuitSchema,
} from '@switchhook/contracts';
import { definitionsOf } from './swagger-from-contracts.js';

export type Schema = Readonly<Record<string, unknown>>;

const int64: Schema = { type: 'integer', format: 'int64' };
const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const arrayOf = (items: Schema): Schema => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, Schema>>): Schema => ({ type: 'object', properties });
const readOnly = (schema: Schema): Schema => ({ ...schema, readOnly: true });

export const refTo = (name: keyof typeof DEFINITIONS): Schema => ({ $ref: `#/definitions/${name}` });

const pageOf = (name: string): Schema =>
  object({
    items: arrayOf({ $ref: `#/definitions/${name}` }),
    limit: int64,
    offset: int64,
    totalCount: int64,
  });

/** CallFire's models (CallFire API v2 Swagger document), with our members added. */
export const DEFINITIONS = {
  Webhook: object({
    id: readOnly(int64),
    name: text,
    resource: text,
    events: { ...arrayOf(text), uniqueItems: true },
    callback: text,
    fallbackCallback: text,
    enabled: flag,
    secret: { ...text, description: 'write-only' },
    hasSecret: readOnly(flag),
    auth: {
      ...object({
        type: { ...text, enum: ['basic', 'basic-challenge', 'bearer'] },
        username: text,
        password: text,
        token: text,
      }),
      description: 'write-only',
    },
    hasAuth: readOnly(flag),
    headers: {
      type: 'object',
      additionalProperties: text,
      description: 'at most 20; values are write-only: answers hold an array of the names',
    },
    tls: object({
      caCertificates: { ...text, description: 'PEM; trusted instead of the public authorities' },
      clientCertificate: { ...text, description: 'PEM, with those between it and its authority' },
      clientKey: { ...text, description: 'PEM, write-only' },
      hasClientKey: readOnly(flag),
    }),
    fields: text,
    nonStrictSsl: flag,
    singleUse: flag,
    expiresAt: { ...int64, description: 'epoch milliseconds' },
    profile: { ...text, enum: [...PROFILE_NAMES] },
    timeoutMs: int64,
    retry: object({ delaysMs: arrayOf(int64), maxAgeMs: int64 }),
    concurrency: int64,
    ordering: { ...text, enum: [...ORDERINGS] },
    rateLimit: object({ perSecond: { type: 'number', format: 'double' }, burst: int64 }),
    labels: { type: 'object', additionalProperties: text },
    pausedSince: { ...readOnly(int64), description: 'epoch milliseconds; only while its own deliveries are paused' },
    failing: {
      ...readOnly(
        object({
          since: { ...int64, description: 'first failed call after which none has succeeded' },
          circuits: arrayOf(object({ url: text, since: int64, nextProbeAt: int64, openings: int64 })),
          oldestWaitingAt: { ...int64, description: 'when the event of the delivery that waits longest was accepted' },
          oldestWaitingMs: int64,
        }),
      ),
      description: 'only where failing is asked for; epoch milliseconds',
    },
    createdAt: readOnly(int64),
    updatedAt: readOnly(int64),
  }),
  WebhookPage: pageOf('Webhook'),
  WebhookResource: object({ resource: text, supportedEvents: arrayOf(text) }),
  WebhookResources: object({ items: arrayOf({ $ref: '#/definitions/WebhookResource' }) }),
  ResourceId: object({ id: int64, secret: { ...text, description: 'only where we made one' } }),
  ApiCredential: object({
    id: readOnly(int64),
    name: text,
    username: readOnly(text),
    password: { ...readOnly(text), description: 'only in the answer that creates it' },
    enabled: readOnly(flag),
  }),
  ApiCredentialPage: pageOf('ApiCredential'),
  PauseRequest: {
    ...object({ accountId: int64, webhookId: int64 }),
    description: 'one of them; neither: all that the credential acts for',
  },
  Pause: object({
    scope: { ...text, enum: [...PAUSE_SCOPES] },
    accountId: int64,
    webhookId: int64,
    paused: flag,
    since: { ...int64, description: 'epoch milliseconds' },
    by: { ...text, description: 'the id of the credential' },
    role: { ...text, enum: ['platform', 'account'], description: 'what the platform holds, only the platform resumes' },
  }),
  PausePage: pageOf('Pause'),
  CloudEvent: {
    ...object({
      specversion: { ...text, enum: ['1.0'] },
      id: text,
      source: text,
      type: { ...text, description: '<resource>.<event>, such as OutboundCall.Finished' },
      subject: text,
      accountid: { ...text, description: 'the account that the credential acts for unless given' },
      time: { ...text, format: 'date-time' },
      datacontenttype: { ...text, enum: ['application/json'] },
      data: { type: 'object', description: 'the resource' },
    }),
    required: ['specversion', 'id', 'source', 'type', 'data'],
  },
  AcceptedEvents: object({ accepted: int64, duplicates: int64 }),
  ...definitionsOf({
    Delivery: DeliverySchema,
    Attempt: LoggedAttemptSchema,
    DeliveryWithAttempts: DeliveryWithAttemptsSchema,
    DeliveryPage: DeliveryPageSchema,
    LoggedEvent: LoggedEventSchema,
    EventPage: EventPageSchema,
    Circuit: CircuitSchema,
    WebhookCircuit: WebhookCircuitSchema,
  }),
  ErrorResponse: object({
    httpStatusCode: { type: 'integer', format: 'int32' },
    internalCode: { type: 'integer', format: 'int32' },
    message: text,
    developerMessage: text,
    helpLink: text,
    errors: arrayOf(object({ index: int64, field: text, message: text })),
  }),
} as const;
