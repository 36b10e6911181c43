/** Everything of this service lies in this Postgres schema. */
export const SCHEMA = 'subscriptions';
