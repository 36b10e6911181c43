import type { Fault } from '@switchhook/contracts';
import { CommandRefused } from '@switchhook/domain';
import { HttpFault } from '@switchhook/platform';

/** Runs `command` and turns what an aggregate refuses into the answer that the API gives for it. */
export async function answeringRefusals<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw error instanceof CommandRefused ? faultOf(error) : error;
  }
}

/** The 400 for the faults of a request (at least one), whose messages begin with their fields already. */
export const badInput = (faults: readonly Fault[]): HttpFault =>
  new HttpFault('invalid', faults[0]?.message ?? 'The request is invalid', { faults });

function faultOf({ code, message, field }: CommandRefused): HttpFault {
  if (code === 'not-found') return new HttpFault('unknownId', message);
  if (code === 'forbidden') return new HttpFault('forbidden', message);
  if (code === 'exists') return new HttpFault('conflict', message);
  return badInput([{ field: field ?? 'body', message }]);
}
