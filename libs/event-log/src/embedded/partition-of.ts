const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The partition of a key among `partitions`: FNV-1a, finished by a shift so that the low bits depend on all of the key.
 * Stored records rely on it: another function would break the order of keys that are already there.
 */
export function partitionOf(key: Buffer, partitions: number): number {
  let hash = FNV_OFFSET;
  for (const byte of key) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return ((hash ^ (hash >>> 15)) >>> 0) % partitions;
}
