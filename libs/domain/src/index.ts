export { deliveryId, eventKey, runId } from './names.js';
export { attemptHeaders, attemptName, readAttemptIds } from './attempt-ids.js';
export { arrayItems, checkJson, member, objectMembers, selectFields, stringOf } from './json-text.js';
export {
  eventFromHeaders,
  eventHeaders,
  eventRecordKey,
  readBinary,
  readEventRecord,
  readStructured,
  splitBatch,
  type ReadResult,
} from './cloud-event.js';
export { parseRfc3339 } from './rfc3339.js';
export { matches } from './matching.js';
export { callfireSignature, decodeStandardSecret, encodeStandardSecret, standardSignature } from './signature.js';
export type { Profile, ProfileRules } from './profiles/profile.js';
export { profileOf } from './profiles/profile-of.js';
export { nextAttemptAt, retryPolicyOf, type DeliveryRetryPolicy } from './retry-schedule.js';
export { decideOutcome, type CallResult } from './outcome-rules.js';
