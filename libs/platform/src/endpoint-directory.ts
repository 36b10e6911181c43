import { EndpointChangeSchema, TOPICS, type EndpointChange } from '@switchhook/contracts';
import { z } from 'zod';
import { followDirectory, type DirectoryDeps, type DirectoryFollower } from './directory-follower.js';

/** Not every writer tells since when a breaker has not been closed: then it is since its last change. */
const ToldSchema = EndpointChangeSchema.extend({ since: z.number().int().optional() });

/** An open breaker as it last changed, and since when (epoch ms) it has not been closed. */
export type OpenEndpoint = EndpointChange & { readonly since: number };

/** The open circuit breakers, as `endpoints.v1` tells them: for services that show them. Nest calls the hook. */
export class EndpointDirectory {
  private constructor(
    private readonly index: EndpointIndex,
    private readonly follower: DirectoryFollower,
  ) {}

  /** Opens the directory: follows `endpoints.v1` from its beginning; resolves when what was there has been read, or closed would be no answer. */
  static async open(deps: DirectoryDeps): Promise<EndpointDirectory> {
    const index = new EndpointIndex();
    const follower = await followDirectory(deps, TOPICS.endpoints.name, ({ value }) => {
      if (value === null) return;
      const { since, ...change } = ToldSchema.parse(JSON.parse(value.toString('utf8')));
      index.put({ ...change, since: since ?? change.at });
    });
    await follower.whenCaughtUp;
    return new EndpointDirectory(index, follower);
  }

  /** The open breaker of an endpoint (domain's `endpointKey`), as it last changed. */
  open(accountId: number, endpoint: string): OpenEndpoint | undefined {
    return this.index.openOf(accountId).get(endpoint);
  }

  /** The open breakers of an account's endpoints, by endpoint. */
  openOf(accountId: number): ReadonlyMap<string, OpenEndpoint> {
    return this.index.openOf(accountId);
  }

  onApplicationShutdown(): Promise<void> {
    return this.follower.close();
  }
}

const NONE: ReadonlyMap<string, OpenEndpoint> = new Map();

/** Of each endpoint the newest change, whatever comes later: several instances tell of the same endpoint. */
class EndpointIndex {
  private readonly changedAt = new Map<string, number>();
  private readonly open = new Map<number, Map<string, OpenEndpoint>>();

  put(change: OpenEndpoint): void {
    const { endpoint, accountId, at, state } = change;
    if ((this.changedAt.get(endpoint) ?? -1) >= at) return;
    this.changedAt.set(endpoint, at);
    const open = this.open.get(accountId) ?? new Map<string, OpenEndpoint>();
    if (state === 'open') open.set(endpoint, change);
    else open.delete(endpoint);
    if (open.size > 0) this.open.set(accountId, open);
    else this.open.delete(accountId);
  }

  openOf(accountId: number): ReadonlyMap<string, OpenEndpoint> {
    return this.open.get(accountId) ?? NONE;
  }
}
