import { headerText } from '@switchhook/contracts';
import { checkJson, member, parseRfc3339, stringOf } from '@switchhook/domain';
import type { LogRecord } from '@switchhook/event-log';
import type { EventFacts } from './archived-record.js';

/** The attributes of a refused event, as far as they can be read. */
export interface ReadAttributes {
  readonly accountId: number | null;
  readonly id: string | null;
  readonly source: string | null;
  readonly type: string | null;
  readonly subject: string | null;
  /** As the producer wrote it. */
  readonly time: string | null;
}

/**
 * What can be read of the attributes of a record that was refused: from `ce_…` headers, or from the members of the JSON text
 * in structured mode (CloudEvents Kafka protocol binding §3). What is missing or wrong is null.
 */
export function attributesOf(record: LogRecord): ReadAttributes {
  const text = attributeReader(record);
  const account = text('accountid') ?? '';
  const accountId = /^\d{1,16}$/.test(account) && Number.isSafeInteger(Number(account)) ? Number(account) : null;
  return {
    accountId,
    id: text('id'),
    source: text('source'),
    type: text('type'),
    subject: text('subject'),
    time: text('time'),
  };
}

function attributeReader({ headers, value }: LogRecord): (name: string) => string | null {
  const structured = headerText(headers, 'content-type')?.toLowerCase().startsWith('application/cloudevents');
  if (!structured) return (name) => headerText(headers, `ce_${name}`) ?? null;
  if (!value || checkJson(value) !== null) return () => null;
  return (name) => {
    const found = member(value, [name]);
    const text = found?.toString('utf8') ?? '';
    if (found && text.startsWith('"')) return stringOf(found);
    // A number is as good as its text: `"accountid": 7`.
    return /^\d+$/.test(text) ? text : null;
  };
}

/** The attributes as the archive and the views keep them. */
export function factsOf(attributes: Omit<ReadAttributes, 'accountId'> | null): EventFacts {
  const { id = null, source = null, type = null, subject = null, time = null } = attributes ?? {};
  return { id, source, type, subject, time: time === null ? null : (parseRfc3339(time) ?? null) };
}
