// The named points: where a run can end a process with `kill -9`. Each is a diagnostics channel `switchhook.<channel>` in the
// product's code, to which nobody listens but end-here.mjs (docs/adr/0035). A spec holds this table against the code.
//
// `of`: only what the group (or the schema, or the outcome) of this name passes. `engine`: where not on both.
// `when`: what leads there, if the load alone does not: `start` the process is starting, `stop` it is stopping in order,
// `members` another member comes or goes, `outage` the receivers fail, `seldom` it takes seconds, `rarely` perhaps minutes.
const inGroup = (service, group, words) => [
  { name: `${group}.handled`, channel: 'log.handled', of: group, service, says: `${words} decided, nothing written` },
  {
    name: `${group}.outputs-written`,
    channel: 'log.outputs-written',
    of: group,
    service,
    says: `${words} on the log, progress not stored`,
  },
];
const progressOf = (service, group) => [
  {
    name: `${group}.progress-moved`,
    channel: 'log.progress-moved',
    of: group,
    service,
    engine: 'kafka',
    says: `the group ${group} is about to store its progress`,
  },
  {
    name: `${group}.progress-stored`,
    channel: 'log.progress-stored',
    of: group,
    service,
    engine: 'kafka',
    says: `the progress of ${group} is stored, the member does not know`,
  },
];
const point = (service, name, says, more = {}) => ({ name, channel: name, service, says, ...more });
const KAFKA = { engine: 'kafka' };
const EMBEDDED = { engine: 'embedded' };
const AT_START = { when: 'start' };
const SELDOM = { when: 'seldom' };

export const POINTS = [
  // ingestion
  point('ingestion', 'ingestion.to-append', 'an event is valid, not on the log'),
  point('ingestion', 'ingestion.events-appended', 'an event is on the log, not answered'),
  point('ingestion', 'ingestion.names-given', 'a name is given, nothing is requested'),
  point('ingestion', 'ingestion.claimed', 'a singleUse webhook is claimed, its delivery is not requested', SELDOM),
  ...inGroup('ingestion', 'ingestion', 'the requests of a batch of events are'),
  ...progressOf('ingestion', 'ingestion'),
  // signing
  ...inGroup('signing', 'signing', 'the signed calls of a batch are'),
  ...inGroup('signing', 'signing-bulk', 'the signed calls of a bulk batch are'),
  ...progressOf('signing', 'signing'),
  // delivery
  point('delivery', 'delivery.to-call', 'a call is about to begin'),
  point('delivery', 'delivery.answered', 'the answer is here, the outcome is not written'),
  ...['succeeded', 'attempted', 'deferred', 'exhausted'].map((outcome) =>
    point('delivery', `delivery.${outcome}-written`, `the outcome ${outcome} is on the log, its record is still held`, {
      ...{ channel: 'delivery.outcome-written', of: outcome },
      ...(outcome === 'exhausted' && SELDOM),
    }),
  ),
  point('delivery', 'delivery.outcome-settled', 'an outcome is on the log and let go, progress is not stored'),
  point('delivery', 'delivery.sent-back', 'a stale request went back, its record is still held', { when: 'rarely' }),
  point('delivery', 'delivery.rows-to-commit', 'rows of the schedule and their position are written, not committed'),
  point('delivery', 'delivery.rows-written', 'rows of the schedule are committed, nobody knows'),
  point('delivery', 'delivery.to-release', 'a row is due and noted as released, not requested'),
  point('delivery', 'delivery.released', 'a row is requested again, its outcome is open'),
  point('delivery', 'delivery.gates-written', 'a gate is written', { when: 'outage' }),
  point('delivery', 'delivery.breaker-told', 'a breaker has changed and the others are told', { when: 'outage' }),
  point('delivery', 'delivery.caught-up', 'a partition is taken over, the schedule is up to date', AT_START),
  point('delivery', 'delivery.names-refilled', 'the names of a partition are refilled, no record taken', AT_START),
  point('delivery', 'delivery.lanes-stopped', 'a partition goes: lanes stopped, outcomes not awaited', {
    when: 'members',
  }),
  point('delivery', 'delivery.revoked', 'a partition goes: all is handed in, progress not stored', { when: 'members' }),
  point('delivery', 'delivery.given-back', 'a partition goes: progress is stored, the group not joined again', {
    ...{ channel: 'kafka.given-back', of: 'delivery', when: 'members', engine: 'kafka' },
  }),
  ...progressOf('delivery', 'delivery'),
  // subscriptions
  point('subscriptions', 'store.to-commit', 'events and read model of a command are written, not committed', SELDOM),
  point('subscriptions', 'store.appended', 'a change is committed, not relayed and not answered', SELDOM),
  point('subscriptions', 'store.relayed', 'a change is on the log, the position of the relay is not stored', SELDOM),
  point(
    'subscriptions',
    'store.relay-position-stored',
    'the relay has stored its position, nobody is answered',
    SELDOM,
  ),
  point('subscriptions', 'subscriptions.spent', 'a singleUse webhook is spent, progress is not stored', SELDOM),
  point('subscriptions', 'subscriptions.health-to-commit', 'how a webhook fares is written, not committed', SELDOM),
  point('subscriptions', 'subscriptions.notices-published', 'a notice is on the log and still in its table', {
    when: 'rarely',
  }),
  ...progressOf('subscriptions', 'subscriptions'),
  // audit
  point('audit', 'audit.to-archive', 'a batch is read, nothing of it is written'),
  point('audit', 'audit.archived', 'a batch is archived, progress is not stored'),
  ...progressOf('audit', 'audit'),
  // any process
  point('any', 'kafka.appended', 'the broker has records, their writers do not know', KAFKA),
  point('any', 'kafka.joined', 'a group is joined, the member is not remembered', { ...KAFKA, ...AT_START }),
  point('any', 'kafka.member-remembered', 'the member is remembered, has nothing yet', { ...KAFKA, ...AT_START }),
  point('any', 'kafka.predecessor-left', 'the killed predecessor has left, is still remembered', {
    ...{ ...KAFKA, ...AT_START },
  }),
  point('any', 'kafka.left', 'a member has left its group in order, is still remembered', { ...KAFKA, when: 'stop' }),
  point('any', 'kafka.topics-created', 'the topics are made, nothing is in them', { ...KAFKA, when: 'first start' }),
  point('any', 'store.to-migrate', 'the schema is there, its migrations are not', AT_START),
  point('any', 'store.migrated', 'the migrations have run, their lock is held', AT_START),
  point('all', 'embedded.to-commit', 'a commit of the log is about to be sent', EMBEDDED),
  point('all', 'embedded.committed', 'a commit of the log is in the database, nobody knows', EMBEDDED),
  point('all', 'embedded.compacted', 'a part of an overwritten topic is deleted', { ...EMBEDDED, when: 'rarely' }),
];

/** The points that processes on `engine` pass. */
export const pointsOn = (engine) => POINTS.filter((one) => one.engine === undefined || one.engine === engine);
