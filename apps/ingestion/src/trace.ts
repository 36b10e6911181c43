/** W3C Trace Context, version 00: trace id, parent id, flags; all-zero ids are invalid. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/**
 * The `traceparent` of a delivery: the trace that the event came with goes on, else the event's name is the trace. Nothing
 * is drawn by chance, so that a record that is made again says the same.
 */
export function traceparentOf(eventTraceparent: string | undefined, eventKey: string, deliveryId: string): string {
  const [, traceId, flags] = TRACEPARENT.exec(eventTraceparent ?? '') ?? [];
  return `00-${traceId ?? hex(eventKey)}-${hex(deliveryId).slice(0, 16)}-${flags ?? '01'}`;
}

const hex = (uuid: string): string => uuid.replaceAll('-', '');
