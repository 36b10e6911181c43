/**
 * What can happen: CallFire's resources and their events, in the order in which the CallFire API lists them
 * (CallFire API v2 `findWebhookResources`, CallFire C# SDK `WebhookResource`; telephony.md §1.2).
 */
export const RESOURCES = [
  { resource: 'MonthlyRenewal', supportedEvents: ['Failed', 'Finished'] },
  { resource: 'LowBalance', supportedEvents: ['Failed', 'Finished'] },
  { resource: 'CccCampaign', supportedEvents: ['Started', 'Stopped', 'Finished'] },
  { resource: 'CallBroadcast', supportedEvents: ['Started', 'Stopped', 'Finished'] },
  { resource: 'TextBroadcast', supportedEvents: ['Started', 'Stopped', 'Finished'] },
  { resource: 'OutboundCall', supportedEvents: ['Finished'] },
  { resource: 'InboundCall', supportedEvents: ['Finished'] },
  { resource: 'OutboundText', supportedEvents: ['Finished'] },
  { resource: 'InboundText', supportedEvents: ['Finished'] },
  { resource: 'ContactList', supportedEvents: ['ValidationFinished', 'ValidationFailed'] },
  { resource: 'OutboundTextDeliveryReport', supportedEvents: ['Received'] },
] as const satisfies readonly ResourceDeclaration[];

/**
 * What we say ourselves, about webhooks (`webhook-notice.ts` has the data): not among CallFire's eleven, but a webhook may
 * want it like any other.
 */
export const OWN_RESOURCES = [
  { resource: 'Webhook', supportedEvents: ['Disabled', 'Exhausted'] },
] as const satisfies readonly ResourceDeclaration[];

/** Everything that a webhook may want. */
export const ALL_RESOURCES: readonly ResourceDeclaration[] = [...RESOURCES, ...OWN_RESOURCES];

export interface ResourceDeclaration {
  readonly resource: string;
  readonly supportedEvents: readonly string[];
}

const byLowerCaseName = new Map<string, ResourceDeclaration>(
  ALL_RESOURCES.map((declaration) => [declaration.resource.toLowerCase(), declaration]),
);

/** The resource called `name` in any case, or undefined. */
export const findResource = (name: string): ResourceDeclaration | undefined => byLowerCaseName.get(name.toLowerCase());

const eventTypes: ReadonlySet<string> = new Set(
  ALL_RESOURCES.flatMap(({ resource, supportedEvents }) => supportedEvents.map((event) => `${resource}.${event}`)),
);

/** Whether `type` is `<Resource>.<Event>` of the catalogue, in its exact spelling. */
export const isEventType = (type: string): boolean => eventTypes.has(type);

export const EVENT_TYPES: readonly string[] = [...eventTypes];
