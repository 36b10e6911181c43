/** Who a request acts as, once it is authenticated. */
export interface Actor {
  readonly credentialId: number;
  readonly role: 'platform' | 'account';
  /** The account that the request is about. */
  readonly accountId: number;
  /** The platform credential without `Switchhook-Account`: may send events for any existing account. */
  readonly anyAccount: boolean;
}

/** The account that the platform credential acts for when it names none (interfaces.md, "Environment"). */
export const PLATFORM_ACCOUNT = 1;

const actors = new WeakMap<object, Actor>();

/** Remembers who `request` (Fastify's) acts as; done by the guard. */
export const setActor = (request: object, actor: Actor): void => void actors.set(request, actor);

/** Who `request` acts as. Throws for a request that passed no guard: a public path has no actor. */
export function actorOf(request: object): Actor {
  const actor = actors.get(request);
  if (!actor) throw new Error('The request was not authenticated');
  return actor;
}
