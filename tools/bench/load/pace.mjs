// When events are due.
const TICK_MS = 1;

/** An open loop: event k is due k/perSecond after the begin, whatever becomes of the others. Returns its stop. */
export function steadily(perSecond, begin) {
  const startedAt = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    for (;;) {
      const dueAt = startedAt + (count / perSecond) * 1000;
      if (dueAt > now) return;
      count += 1;
      begin(dueAt);
    }
  }, TICK_MS);
  return () => clearInterval(timer);
}

/** As fast as it goes: there are always `backlog` events that have not arrived and at most `unacknowledged` on their way in. */
export function saturating({ backlog, unacknowledged }, ledger, begin) {
  const timer = setInterval(() => {
    const now = performance.now();
    while (ledger.underWay < backlog && ledger.sent - ledger.acknowledged < unacknowledged) begin(now);
  }, TICK_MS);
  return () => clearInterval(timer);
}
