import { LOG_PATHS } from './swagger-log-paths.js';
import { idInPath as id, inQuery, operation, type Operation, type Parameter } from './swagger-operation.js';
import { DEFINITIONS, refTo, type Schema } from './swagger-schemas.js';

const fields = inQuery('fields');
const paging = [inQuery('limit', 'integer'), inQuery('offset', 'integer')];
const resource: Parameter = { name: 'resource', in: 'path', type: 'string', required: true };
const body = (schema: Schema): Parameter => ({ name: 'body', in: 'body', required: false, schema });

const webhooks = (rest: Omit<Operation, 'tag'>): Schema => operation({ tag: 'webhooks', ...rest });
const platform = (rest: Omit<Operation, 'tag'>): Schema => operation({ tag: 'platform', ...rest });
const me = (rest: Omit<Operation, 'tag'>): Schema => operation({ tag: 'me', ...rest });

const filters = [
  inQuery('name'),
  inQuery('resource'),
  inQuery('event'),
  inQuery('callback'),
  inQuery('enabled', 'boolean'),
  inQuery('failing', 'boolean'),
];

const WEBHOOK_PATHS = {
  '/webhooks': {
    get: webhooks({
      id: 'findWebhooks',
      summary: 'Find webhooks',
      parameters: [fields, ...paging, ...filters],
      status: 200,
      answer: refTo('WebhookPage'),
    }),
    post: webhooks({
      id: 'createWebhook',
      summary: 'Create a webhook',
      parameters: [body(refTo('Webhook'))],
      status: 201,
      answer: refTo('ResourceId'),
    }),
  },
  '/webhooks/resources': {
    get: webhooks({
      id: 'findWebhookResources',
      summary: 'Find webhook resources',
      parameters: [fields, inQuery('profile')],
      status: 200,
      answer: refTo('WebhookResources'),
    }),
  },
  '/webhooks/resources/{resource}': {
    get: webhooks({
      id: 'getWebhookResource',
      summary: 'Find a specific webhook resource',
      parameters: [resource, fields, inQuery('profile')],
      status: 200,
      answer: refTo('WebhookResource'),
    }),
  },
  '/webhooks/{id}': {
    get: webhooks({
      id: 'getWebhook',
      summary: 'Find a specific webhook',
      parameters: [id, fields],
      status: 200,
      answer: refTo('Webhook'),
    }),
    put: webhooks({
      id: 'updateWebhook',
      summary: 'Update a webhook',
      parameters: [id, body(refTo('Webhook'))],
      status: 200,
    }),
    delete: webhooks({ id: 'deleteWebhook', summary: 'Delete a webhook', parameters: [id], status: 204 }),
  },
} as const;

const CREDENTIAL_PATHS = {
  '/me/api/credentials': {
    get: me({
      id: 'findApiCredentials',
      summary: 'Find API credentials',
      parameters: [fields, ...paging],
      status: 200,
      answer: refTo('ApiCredentialPage'),
    }),
    post: me({
      id: 'createApiCredential',
      summary: 'Create API credentials',
      parameters: [body(refTo('ApiCredential'))],
      status: 201,
      answer: refTo('ApiCredential'),
    }),
  },
  '/me/api/credentials/{id}': {
    get: me({
      id: 'getApiCredential',
      summary: 'Find specific API credentials',
      parameters: [id, fields],
      status: 200,
      answer: refTo('ApiCredential'),
    }),
    delete: me({ id: 'deleteApiCredential', summary: 'Delete API credentials', parameters: [id], status: 204 }),
  },
  '/me/api/credentials/{id}/enable': {
    post: me({ id: 'enableApiCredentials', summary: 'Enable API credentials', parameters: [id], status: 200 }),
  },
  '/me/api/credentials/{id}/disable': {
    post: me({ id: 'disableApiCredentials', summary: 'Disable API credentials', parameters: [id], status: 200 }),
  },
} as const;

/** Ours: CallFire has nothing of the kind. */
const PLATFORM_PATHS = {
  '/platform/pause': {
    get: platform({
      id: 'findPauses',
      summary: 'Find what is paused',
      parameters: [fields, ...paging],
      status: 200,
      answer: refTo('PausePage'),
    }),
    post: platform({
      id: 'pauseDeliveries',
      summary: 'Hold deliveries: all, those of an account or of a webhook',
      parameters: [body(refTo('PauseRequest'))],
      status: 200,
      answer: refTo('Pause'),
    }),
  },
  '/platform/resume': {
    post: platform({
      id: 'resumeDeliveries',
      summary: 'Let deliveries go on that were held',
      parameters: [body(refTo('PauseRequest'))],
      status: 200,
      answer: refTo('Pause'),
    }),
  },
} as const;

/**
 * The Swagger 2.0 document from which CallFire's clients build themselves: operation ids, tags and parameters are theirs
 * (CallFire API v2), and `host` is the one that was asked, because that is where they send everything else.
 */
export function swaggerDocument(origin: { readonly host: string; readonly scheme: string }): Schema {
  return {
    swagger: '2.0',
    info: { title: 'Switchhook', description: 'Webhooks for telephony, as CallFire API v2 has them', version: 'V2' },
    host: origin.host,
    basePath: '/v2',
    schemes: [origin.scheme],
    consumes: ['application/json'],
    produces: ['application/json'],
    securityDefinitions: { basicAuth: { type: 'basic' } },
    paths: { ...WEBHOOK_PATHS, ...CREDENTIAL_PATHS, ...PLATFORM_PATHS, ...LOG_PATHS },
    definitions: DEFINITIONS,
  };
}
