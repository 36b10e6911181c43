import { DELIVERY_STATUSES, EVENT_STATUSES } from '@switchhook/contracts';
import { idInPath, inQuery, operation, type Parameter } from './swagger-operation.js';
import { refTo } from './swagger-schemas.js';

const uuidInPath: Parameter = { name: 'id', in: 'path', type: 'string', format: 'uuid', required: true };
const anyStatus = (statuses: readonly string[]): Parameter => ({
  ...{ name: 'status', in: 'query', type: 'array', collectionFormat: 'multi', required: false },
  items: { type: 'string', enum: statuses },
});
const range = [inQuery('from', 'integer'), inQuery('to', 'integer'), inQuery('limit', 'integer'), inQuery('cursor')];
const ofDelivery = [
  ...[inQuery('eventId'), inQuery('source'), inQuery('eventType'), inQuery('subject')],
  ...[anyStatus(DELIVERY_STATUSES), ...range],
];
const ofEvent = [
  ...[inQuery('eventId'), inQuery('source'), inQuery('type'), inQuery('subject')],
  ...[anyStatus(EVENT_STATUSES), ...range],
];
const event: Parameter = { name: 'body', in: 'body', required: true, schema: refTo('CloudEvent') };

const EVENT_PATHS = {
  '/events': {
    get: operation({
      ...{ tag: 'events', id: 'findEvents', summary: 'Find events', parameters: ofEvent },
      ...{ status: 200, answer: refTo('EventPage') },
    }),
    post: operation({
      tag: 'events',
      id: 'sendEvent',
      summary: 'Send an event; an array of them as application/cloudevents-batch+json',
      parameters: [event],
      consumes: ['application/cloudevents+json', 'application/cloudevents-batch+json'],
      status: 202,
      answer: refTo('AcceptedEvents'),
    }),
  },
} as const;

const DELIVERY_PATHS = {
  '/deliveries': {
    get: operation({
      tag: 'deliveries',
      id: 'findDeliveries',
      summary: 'Find deliveries',
      parameters: [inQuery('webhookId', 'integer'), ...ofDelivery],
      status: 200,
      answer: refTo('DeliveryPage'),
    }),
  },
  '/deliveries/{id}': {
    get: operation({
      ...{ tag: 'deliveries', id: 'getDelivery', summary: 'Find a specific delivery with all its attempts' },
      ...{ parameters: [uuidInPath], status: 200, answer: refTo('DeliveryWithAttempts') },
    }),
  },
  '/webhooks/{id}/deliveries': {
    get: operation({
      ...{ tag: 'webhooks', id: 'findWebhookDeliveries', summary: 'Find deliveries of a webhook' },
      ...{ parameters: [idInPath, ...ofDelivery], status: 200, answer: refTo('DeliveryPage') },
    }),
  },
} as const;

const CIRCUIT_PATHS = {
  '/webhooks/{id}/circuit': {
    get: operation({
      ...{ tag: 'webhooks', id: 'getWebhookCircuit', summary: 'See whether the breaker of the endpoint is open' },
      ...{ parameters: [idInPath], status: 200, answer: refTo('WebhookCircuit') },
    }),
  },
  '/webhooks/{id}/circuit/reset': {
    post: operation({
      ...{ tag: 'webhooks', id: 'resetWebhookCircuit', summary: 'Close the breaker of the endpoint' },
      ...{ parameters: [idInPath], status: 200, answer: refTo('WebhookCircuit') },
    }),
  },
} as const;

/** Ours: what other services answer behind the same origin. CallFire has nothing of the kind. */
export const LOG_PATHS = { ...EVENT_PATHS, ...DELIVERY_PATHS, ...CIRCUIT_PATHS };
