export {
  ACCOUNT_DIRECTORY,
  CLOCK,
  CONSUMER_GROUPS,
  CREDENTIAL_DIRECTORY,
  DATABASE,
  DATABASE_URL,
  EVENT_LOG,
  KEY_RING,
  LOGGER,
  LOOPBACK_GRANTS,
  METRICS,
  READINESS,
  WEBHOOK_DIRECTORY,
} from './tokens.js';
export type { Resources } from './resources.js';
export { PlatformModule } from './platform.module.js';
export { ConsumerGroups, type ConsumerGroupOptions } from './consumer-groups.js';
export { EventLogStrategy, type ConsumerPattern } from './event-log.strategy.js';
export { Readiness, type HealthBody, type ReadinessCheck } from './readiness.js';
export { createMetrics, observeHop, type Hop, type Metrics } from './metrics.js';
export { EndpointDirectory, type OpenEndpoint } from './endpoint-directory.js';
export { PauseIndex, type Pauses } from './pauses.js';
export { openWebhookDirectory, type WebhookDirectory } from './webhook-directory.js';
export { openCredentialDirectory, type CredentialDirectory } from './credential-directory.js';
export { createAccountDirectory, type AccountDirectory } from './account-directory.js';
export { chosenVerifier, createPasswordCheck, generatedVerifier, type PasswordCheck } from './password-verifier.js';
export {
  createKeyRing,
  credentialSecrets,
  generateKeys,
  KEY_USES,
  type Key,
  type KeyRing,
  type KeyUse,
} from './keys.js';
export { open, seal, type SealContext, type SealUse } from './sealing.js';
export { actorOf, PLATFORM_ACCOUNT, setActor, type Actor } from './actor.js';
export { ERROR_CODES, errorBody, HttpFault, invalid, type ErrorName, type HttpFaultDetails } from './http-errors.js';
export { validate } from './validate.js';
export { commaList, ConfigError, loadConfig, onOff, wholeNumber, type ConfigFault } from './load-config.js';
export { readSettings, SettingsSchema, Url, type Settings } from './settings.js';
export { runProcess, runService, type ProcessOptions } from './run-service.js';
export { openListener, type Listener } from './listener.js';
export { pathFits, RouteTable } from './route-table.js';
export {
  startService,
  type Preparation,
  type RunningService,
  type ServiceModule,
  type ServiceOptions,
} from './start-service.js';
export { createApp, type AppOptions } from './create-app.js';
export { startConsumers } from './consume.js';
export { orStartError, StartError } from './start-error.js';
export { LoopbackGrants } from './loopback-grants.js';
export { Closer } from './closer.js';
export { createLogger } from './logging.js';
export { readKeyFile, readOrMakeKeyFile, writeKeyFile } from './key-file.js';
export { readOrMakeAdminCredentials, type AdminCredentials } from './admin-credentials.js';
export {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from './embedded-postgres/embedded-postgres.js';
export {
  reachEmbeddedPostgres,
  type ReachedPostgres,
  type ReachOptions,
} from './embedded-postgres/reach-embedded-postgres.js';
export { logRequest, type EndedRequest } from './request-log.js';
