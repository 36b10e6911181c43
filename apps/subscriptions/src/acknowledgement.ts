import type { Appended, Relay } from '@switchhook/event-store';
import { HttpFault } from '@switchhook/platform';

/** How long an answer waits for its event to be on the log (correctness.md §3). */
const ACK_MS = 5_000;

/** What waits for the log: the relay, and what else must have happened before a change is answered. */
export interface AcknowledgementDeps {
  readonly relay: Pick<Relay, 'relayed'>;
  readonly afterRelay?: () => Promise<void>;
}

/**
 * Resolves when the event at `position` is on the log. Throws a 503 after 5 s: the change stands and is relayed later.
 * `what` names it for the developer, e.g. `webhook 17`.
 */
export async function acknowledged(
  { relay, afterRelay = async () => undefined }: AcknowledgementDeps,
  appended: Pick<Appended, 'position'> | null,
  what: string,
): Promise<void> {
  if (!appended) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), ACK_MS);
  });
  const onTheLog = relay
    .relayed(appended.position)
    .then(afterRelay)
    .catch(() => 'late' as const);
  const answer = await Promise.race([onTheLog, late]);
  clearTimeout(timer);
  if (answer !== 'late') return;
  throw new HttpFault('notYetRelayed', 'The event log does not acknowledge', {
    developerMessage: `The change to ${what} stands and takes effect when the event log is back`,
    retryAfterSeconds: 5,
  });
}

/** Whether `error` is the 503 of a change that stands. */
export const isNotYetRelayed = (error: unknown): boolean =>
  error instanceof HttpFault && error.code === 'notYetRelayed';
