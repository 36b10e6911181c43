export interface GroupMemberState {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** Partition numbers that it held until now. */
  readonly owned: readonly number[];
}

/**
 * Who gets which partitions: partition n of every topic goes to one and the same member. Loads differ by one at most, and
 * a member keeps what it held as far as that allows, so that little state is loaded anew.
 * Answers by member id with `topic -> partition numbers`.
 */
export function assignPartitions(
  members: readonly GroupMemberState[],
  partitionCounts: Readonly<Record<string, number>>,
): Map<string, Record<string, number[]>> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const count = Math.max(0, ...Object.values(partitionCounts));
  const numbers = shareOut(sorted, count);
  const owners = new Map<number, GroupMemberState>();
  for (const member of sorted) for (const number of numbers.get(member.memberId) ?? []) owners.set(number, member);
  const assignment = new Map(sorted.map((member) => [member.memberId, {} as Record<string, number[]>]));
  for (const [topic, partitions] of Object.entries(partitionCounts)) {
    // Only while versions are mixed does a member not take a topic of its group; then somebody who does reads it.
    const takers = sorted.filter((member) => member.topics.includes(topic));
    for (let partition = 0; partition < partitions; partition += 1) {
      const owner = owners.get(partition);
      const taker = owner && takers.includes(owner) ? owner : takers[partition % takers.length];
      if (!taker) continue;
      const topics = assignment.get(taker.memberId) ?? {};
      (topics[topic] ??= []).push(partition);
    }
  }
  return assignment;
}

function shareOut(members: readonly GroupMemberState[], count: number): Map<string, number[]> {
  const shares = new Map<string, number[]>(members.map((member) => [member.memberId, []]));
  if (members.length === 0) return shares;
  const least = Math.floor(count / members.length);
  let larger = count % members.length;
  const taken = new Set<number>();
  // Who held most is asked first: it may keep one more than the others.
  for (const member of [...members].sort((a, b) => b.owned.length - a.owned.length)) {
    const share = shares.get(member.memberId) ?? [];
    const kept = [...member.owned].filter((n) => n >= 0 && n < count && !taken.has(n)).sort((a, b) => a - b);
    const quota = larger > 0 && kept.length > least ? least + 1 : least;
    if (quota > least) larger -= 1;
    for (const number of kept.slice(0, quota)) {
      share.push(number);
      taken.add(number);
    }
  }
  for (let number = 0; number < count; number += 1) {
    if (taken.has(number)) continue;
    const [, share] = [...shares].reduce((smallest, entry) =>
      entry[1].length < smallest[1].length ? entry : smallest,
    );
    share.push(number);
  }
  for (const share of shares.values()) share.sort((a, b) => a - b);
  return shares;
}
