export { createAuthority, type Authority, type Certified, type CertificateWishes } from './certificates.js';
export { eventually, type EventuallyOptions } from './eventually.js';
export { freePort } from './free-port.js';
export { KAFKA_REQUEST, KafkaProxy } from './kafka-proxy.js';
export { type Answer, type Behaviour } from './receiver-behaviour.js';
export { heapBytesKeptBy } from './kept-heap.js';
export { bytesLeftBy } from './old-generation.js';
export { startReceiver, type ReceivedCall, type Receiver, type ReceiverOptions, type Responder } from './receiver.js';
export { createDatabase, kafkaBrokers, kafkaPossible, uniqueTopicPrefix, type TestDatabase } from './test-servers.js';
