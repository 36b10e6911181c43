export { LIMITS } from './limits.js';
export {
  ALL_TOPICS,
  TOPICS,
  declarationOf,
  isRejectedTopic,
  rejectedTopic,
  type ServiceName,
  type TopicDeclaration,
} from './topics.js';
export { HEADER, SCHEMA_VERSION, headerText, type HeaderValue, type RecordHeaders } from './record-headers.js';
export { joinParts, splitParts, type PartRange } from './parts.js';
export { REJECT_CODES, type RejectCode, type Rejection, type TelephonyEvent } from './event.js';
export {
  ALL_RESOURCES,
  EVENT_TYPES,
  OWN_RESOURCES,
  RESOURCES,
  findResource,
  isEventType,
  type ResourceDeclaration,
} from './catalogue.js';
export {
  NOTICE_SOURCE,
  WebhookDisabledSchema,
  WebhookExhaustedSchema,
  isAboutWebhooks,
  type WebhookDisabled,
  type WebhookExhausted,
} from './webhook-notice.js';
export {
  ORDERINGS,
  PROFILE_NAMES,
  RateLimitSchema,
  RetryPolicySchema,
  SealedSchema,
  DISABLE_REASONS,
  WEBHOOK_EVENT_TYPES,
  WEBHOOK_STATUSES,
  HEADERS_MAX,
  WebhookEventSchema,
  WebhookSchema,
  type Ordering,
  type ProfileName,
  type RateLimit,
  type RetryPolicy,
  type Sealed,
  type DisableReason,
  type Webhook,
  type WebhookAuth,
  type WebhookEvent,
  type WebhookTls,
} from './webhook.js';
export {
  PAUSE_SCOPES,
  PauseEventSchema,
  PauseRequestSchema,
  PauseSchema,
  PausedScopeSchema,
  isPauseKey,
  pauseKey,
  type Pause,
  type PauseEvent,
  type PauseRequest,
  type PauseScope,
  type PausedScope,
} from './pause.js';
export { CredentialEventSchema, CredentialSchema, type Credential, type CredentialEvent } from './credential.js';
export {
  ATTEMPT_ERRORS,
  AttemptSchema,
  OUTCOMES,
  OutcomeSchema,
  PreparedCallSchema,
  TERMINAL_OUTCOMES,
  type Attempt,
  type AttemptError,
  type AttemptIds,
  type Outcome,
  type OutcomeName,
  type PreparedCall,
} from './delivery.js';
export {
  EndpointChangeSchema,
  WebhookCircuitSchema,
  type Circuit,
  type EndpointChange,
  type EndpointFailure,
  type WebhookCircuit,
} from './endpoint.js';
export { HttpErrorSchema, type Fault, type HttpErrorBody } from './http-error.js';
export {
  DELIVERY_STATUSES,
  DeliveriesQuerySchema,
  DeliveryPageSchema,
  DeliverySchema,
  DeliveryWithAttemptsSchema,
  EVENT_STATUSES,
  EventPageSchema,
  EventsQuerySchema,
  LoggedAttemptSchema,
  LoggedEventSchema,
  WebhookDeliveriesQuerySchema,
  type DeliveriesQuery,
  type Delivery,
  type DeliveryPage,
  type DeliveryStatus,
  type DeliveryWithAttempts,
  type EventPage,
  type EventStatus,
  type EventsQuery,
  type LoggedAttempt,
  type LoggedEvent,
} from './delivery-log.js';
