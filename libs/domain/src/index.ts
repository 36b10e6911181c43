export { deliveryId, endpointKey, eventKey, runId, tlsProfile } from './names.js';
export { asksForBasic } from './http-challenge.js';
export {
  NO_TROUBLE,
  PROBES_WITHIN_MS,
  areProbesOver,
  judgeEndpoint,
  noteCall,
  noteProbe,
  openTimeMs,
  shouldOpen,
  waitForProbeMs,
  type CallTrouble,
  type EndpointVerdict,
} from './breaker-rule.js';
export { attemptHeaders, attemptName, hasAttemptIds, parseAttemptIds, readAttemptIds } from './attempt-ids.js';
export { arrayItems, checkJson, isString, member, objectMembers, selectFields, stringOf } from './json-text.js';
export {
  attributesHeader,
  batchEvents,
  eventFromHeaders,
  eventHeaders,
  parseAttributes,
  type EventAttributes,
  eventRecordKey,
  readBinary,
  readEventRecord,
  readStructured,
  type ReadResult,
} from './cloud-event.js';
export { parseRfc3339 } from './rfc3339.js';
export { matches } from './matching.js';
export { callfireSignature, decodeStandardSecret, encodeStandardSecret, standardSignature } from './signature.js';
export type { Profile, ProfileRules } from './profiles/profile.js';
export { profileOf } from './profiles/profile-of.js';
export { nextAttemptAt, retryPolicyOf, type DeliveryRetryPolicy } from './retry-schedule.js';
export { outcomeRecord, type OutcomeRecord, type OutcomeSubject } from './outcome-record.js';
export { classOfCall, type CallClass, type Consequence } from './call-class.js';
export {
  hasFallback,
  targetOf,
  targetText,
  targetWhenHeld,
  tryAfterFailure,
  urlOf,
  type AttemptTarget,
} from './fallback.js';
export { consequenceOf, decideOutcome, type CallResult } from './outcome-rules.js';
export { addressAllowed, literalAddress } from './address-policy.js';
export { CommandRefused, fold, type Decider } from './decider.js';
export {
  decideWebhook,
  evolveWebhook,
  initialWebhook,
  webhookDecider,
  type WebhookCommand,
  type WebhookState,
} from './webhook.js';
export { pauseAfter, pauseDecider, type PauseCommand, type PauseOrder, type PauseState } from './pause.js';
export { WEBHOOK_DEFAULTS, type WebhookChanges, type WebhookSettings } from './webhook-settings.js';
export {
  credentialDecider,
  decideCredential,
  evolveCredential,
  initialCredential,
  type CredentialCommand,
  type CredentialState,
} from './credential.js';
export { explainWait, type HeldNow, type Wait } from './explain-wait.js';
export { SubjectTurns, type Ticket } from './subject-turns.js';
export { emptyBucket, takeToken, tokensLeft, type TokenRate } from './token-bucket.js';
export { IllegalHistory, evolveDelivery, initialDelivery, type DeliveryFact, type DeliveryState } from './delivery.js';
export { readWebhookInput, type WebhookInput } from './webhook-input.js';
export type { CredentialInputs, TlsTexts } from './webhook-credentials.js';
export { followFailing, mustDisable, type Disabling, type Failing, type FinishedCall } from './webhook-failing.js';
export { ageWaiting, oldestWaitingAt, waitChange, type WaitChange, type WaitingAges } from './waiting-ages.js';
export {
  NOTICE_EVERY_MS,
  addNotice,
  mayBeSaid,
  noticeEvent,
  type NoticeName,
  type NoticeState,
  type Notices,
} from './webhook-notice.js';
