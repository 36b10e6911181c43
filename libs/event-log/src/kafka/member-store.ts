/**
 * Where a process keeps which members it is, so that its successor can end what a kill -9 left in the groups: the broker
 * would hold a dead member's partitions until its session ends, and a new member waits for that. Must be outside the
 * process and know which processes are alive (Postgres: a session advisory lock; correctness.md §2).
 */
export interface MemberStore {
  /** This process is `memberId` of `groupId` (with prefix). */
  remember(groupId: string, memberId: string): Promise<void>;
  forget(groupId: string, memberId: string): Promise<void>;
  /** Members of `groupId` whose processes are certain to have ended. */
  orphans(groupId: string): Promise<readonly string[]>;
}
