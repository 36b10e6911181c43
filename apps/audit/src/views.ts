import type { EntityManager } from 'typeorm';
import type { SourceIds } from './archive-tables.js';
import type { ArchivedRecord } from './archived-record.js';
import { ATTEMPTS_SQL, applyToAttempts } from './attempts-view.js';
import { DELIVERIES_SQL, applyToDeliveries } from './deliveries-view.js';
import { EVENTS_SQL, applyToEvents } from './events-view.js';

/** Brings the views up to date with what was archived. `records` are of one partition or of several, in order within each. */
export type ApplyToViews = (manager: EntityManager, records: readonly ArchivedRecord[]) => Promise<void>;

/** The tables of the views. They are a function of the archive: they may be dropped, and made again by applying it. */
export const VIEWS_SQL: readonly string[] = [...EVENTS_SQL, ...DELIVERIES_SQL, ...ATTEMPTS_SQL];

/** The tables that `VIEWS_SQL` makes. */
export const VIEW_TABLES = ['audit.events', 'audit.deliveries', 'audit.attempts'] as const;

/**
 * The views' one function, live and on a rebuild alike. Topics are read independently of each other, so a record may come
 * before the one that caused it: in whatever order the topics come, the views end the same.
 */
export const viewsOver =
  (sourceIds: SourceIds): ApplyToViews =>
  async (manager, records) => {
    // Always in this order, and each ordered by its key: two batches that meet in the same rows wait, they do not deadlock.
    await applyToEvents(manager, sourceIds, records);
    await applyToDeliveries(manager, records);
    await applyToAttempts(manager, records);
  };
