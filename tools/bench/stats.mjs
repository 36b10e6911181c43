/** The value below which the share `p` of the `sorted` values lies (nearest rank). */
export function percentile(sorted, p) {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
}

export function median(values) {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** `[p, value]` pairs, closer together towards p = 1: a latency curve for a plot. */
export function curveOf(sorted, points) {
  if (sorted.length === 0) return [];
  const nines = Math.log10(sorted.length);
  return Array.from({ length: points + 1 }, (_, index) => {
    const p = 1 - 10 ** (-nines * (index / points));
    return [p, percentile(sorted, p)];
  });
}
