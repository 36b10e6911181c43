import type { SourceIds } from './archive-tables.js';
import type { ArchivedRecord } from './archived-record.js';
import type { Insertion } from './insertion.js';
import { intoAttempts, attemptsTable } from './attempts-view.js';
import { intoDeliveries, deliveriesTable } from './deliveries-view.js';
import { intoEvents, eventsTable } from './events-view.js';

/** What brings the views up to date with what was archived. `records` are of one partition or of several, in order within each. */
export type IntoViews = (records: readonly ArchivedRecord[]) => Promise<Insertion[]>;

/** Where the views are that searches read; a rebuild makes them in a schema of its own first. */
export const VIEWS_SCHEMA = 'audit';

/** The tables of the views. They are a function of the archive: they may be dropped, and made again by applying it. */
export const viewsSql = (schema: string): readonly string[] => [
  ...eventsTable(schema),
  ...deliveriesTable(schema),
  ...attemptsTable(schema),
];

/** The names of the tables that `viewsSql` makes. */
export const VIEW_NAMES = ['events', 'deliveries', 'attempts'] as const;

/** The same, with their schema. */
export const viewTables = (schema: string): readonly string[] => VIEW_NAMES.map((name) => `${schema}.${name}`);

/**
 * The views' one function, live and on a rebuild alike. Topics are read independently of each other, so a record may come
 * before the one that caused it: in whatever order the topics come, the views end the same.
 */
export const viewsOver =
  (sourceIds: SourceIds, schema: string = VIEWS_SCHEMA): IntoViews =>
  async (records) => [
    // Always the same tables in the same order, each ordered by its key: two batches that meet in the same rows wait, they do
    // not deadlock.
    await intoEvents(schema, sourceIds, records),
    intoDeliveries(schema, records),
    intoAttempts(schema, records),
  ];
