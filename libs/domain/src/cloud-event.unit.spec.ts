import type { RecordHeaders, Rejection, TelephonyEvent } from '@switchhook/contracts';
import { LIMITS } from '@switchhook/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attributesHeader,
  batchEvents,
  eventFromHeaders,
  eventHeaders,
  eventRecordKey,
  readBinary,
  readEventRecord,
  readStructured,
  type ReadResult,
} from './cloud-event.js';
import { anEvent } from './event.spec-support.js';

const ACCEPTED_AT = 1_469_540_999_000;
const DATA = '{"id": 7420017300281076000,"x":[1.0,1e2]}';
const HEADERS = {
  ce_specversion: '1.0',
  ce_id: 'call-1',
  ce_source: '/switch/7',
  ce_type: 'OutboundCall.Finished',
  ce_accountid: '7',
  'content-type': 'application/json',
};
const ATTRIBUTES = {
  specversion: '1.0',
  id: 'call-1',
  source: '/switch/7',
  type: 'OutboundCall.Finished',
  accountid: '7',
};

const eventOf = (result: ReadResult): TelephonyEvent => {
  if ('rejection' in result) throw new Error(result.rejection.words);
  return result.event;
};
const rejectionOf = (result: ReadResult): Rejection => {
  if ('event' in result) throw new Error('The event was accepted');
  return result.rejection;
};
const binary = (
  headers: Record<string, string | Buffer | string[] | undefined>,
  data: Buffer | null = Buffer.from(DATA),
) =>
  readEventRecord(
    {
      headers: Object.fromEntries(
        Object.entries({ ...HEADERS, ...headers }).filter(([, value]) => value !== undefined),
      ) as never,
      value: data,
    },
    ACCEPTED_AT,
  );
const structured = (members: Record<string, unknown>, data = DATA) => {
  const text = JSON.stringify({ ...ATTRIBUTES, ...members });
  return readStructured(Buffer.from(data === '' ? text : `${text.slice(0, -1)},"data":${data}}`), ACCEPTED_AT);
};

describe('an accepted event', () => {
  it('has its data byte for byte in binary and in structured mode', () => {
    expect(eventOf(binary({})).data.toString()).toBe(DATA);
    expect(eventOf(structured({})).data.toString()).toBe(DATA);
  });

  it('is the same whichever mode carried it', () => {
    const inBinary = binary({ ce_time: '2016-07-26T13:47:10Z', ce_subject: 'call:1', ce_tenantregion: 'eu' });
    const inStructured = structured({
      time: '2016-07-26T13:47:10Z',
      subject: 'call:1',
      tenantregion: 'eu',
      datacontenttype: 'application/json',
    });
    expect(eventOf(inBinary)).toStrictEqual(eventOf(inStructured));
    expect(eventOf(inBinary)).toMatchObject({ accountId: 7, subject: 'call:1', extensions: { tenantregion: 'eu' } });
  });

  it('has only what comes in headers of CloudEvents, and its content type from the header of that name', () => {
    const event = eventOf(binary({ tracestate: 'a', x_foo: 'b', ce_bar: 'c', ce_datacontenttype: 'text/plain' }));
    expect(event.extensions).toEqual({ bar: 'c' });
    expect(event.dataContentType).toBe('application/json');
  });

  it('may have names and values of 1,024 characters', () => {
    const [id, name] = ['i'.repeat(1_024), 'n'.repeat(1_024)];
    const event = eventOf(binary({ ce_id: id, [`ce_${name}`]: 'x' }));
    expect([event.id, event.extensions]).toEqual([id, { [name]: 'x' }]);
  });

  it('may belong to account 0', () => {
    expect(eventOf(binary({ ce_accountid: '0' })).accountId).toBe(0);
  });

  it('may have every character in its id that is no control character', () => {
    expect(eventOf(binary({ ce_id: '\u0020~\u00a0é' })).id).toBe('\u0020~\u00a0é');
  });

  it('takes the time of acceptance where it names none, and has no subject then', () => {
    const event = eventOf(binary({}));
    expect(event.time).toBe('2016-07-26T13:49:59.000Z');
    expect('subject' in event).toBe(false);
  });

  it('comes in structured mode on Kafka by its content type, in any case and with parameters', () => {
    const value = Buffer.from(`${JSON.stringify(ATTRIBUTES).slice(0, -1)},"data":${DATA}}`);
    const headers = { 'content-type': 'Application/CloudEvents+JSON; charset=UTF-8', ce_id: 'not this one' };
    expect(eventOf(readEventRecord({ headers, value }, ACCEPTED_AT)).id).toBe('call-1');
  });

  it.each(['application/json; charset=utf-8', 'application/vnd.callfire+json', 'Application/JSON', undefined])(
    'may have the content type %s',
    (contentType) => {
      expect(eventOf(binary({ 'content-type': contentType })).dataContentType).toBe(contentType ?? 'application/json');
    },
  );

  it('may have its account as a JSON number, and other attributes as numbers and booleans', () => {
    const event = eventOf(structured({ accountid: 9007199254740991, sequence: 12, urgent: true, gone: null }));
    expect(event.accountId).toBe(9007199254740991);
    expect(event.extensions).toStrictEqual({ sequence: '12', urgent: 'true' });
  });

  it('has the last of members with one name, and none where that is null', () => {
    const head = JSON.stringify({ ...ATTRIBUTES, subject: 'first' }).slice(0, -1);
    const read = (rest: string) => eventOf(readStructured(Buffer.from(`${head},${rest},"data":1}`), ACCEPTED_AT));
    expect(read('"subject":"second"').subject).toBe('second');
    expect(read('"subject":null').subject).toBeUndefined();
  });

  it('may have data nested 64 levels deep in both modes', () => {
    const deep = '['.repeat(64) + ']'.repeat(64);
    expect(eventOf(structured({}, deep)).data.toString()).toBe(deep);
    expect(eventOf(binary({}, Buffer.from(deep))).data.toString()).toBe(deep);
    expect(rejectionOf(structured({}, `[${deep}]`))).toMatchObject({ code: 'not-json' });
    expect(rejectionOf(binary({}, Buffer.from(`[${deep}]`)))).toMatchObject({ code: 'not-json', field: 'data' });
  });

  it('belongs to the acting account where it names none, to the named one otherwise', () => {
    const { accountid: _removed, ...rest } = ATTRIBUTES;
    const text = (attributes: object) => Buffer.from(`${JSON.stringify(attributes).slice(0, -1)},"data":1}`);
    expect(eventOf(readStructured(text(rest), ACCEPTED_AT, 42)).accountId).toBe(42);
    expect(eventOf(readStructured(text(ATTRIBUTES), ACCEPTED_AT, 42)).accountId).toBe(7);
    const attributes = new Map(Object.entries(rest));
    const acceptance = { acceptedAtMs: ACCEPTED_AT, actingAccountId: 42 };
    expect(eventOf(readBinary(attributes, Buffer.from('1'), acceptance)).accountId).toBe(42);
  });

  it('comes back from its headers as it went in', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    const events = fc.record(
      {
        accountId: fc.maxSafeNat(),
        id: text,
        source: text.filter((source) => !source.includes('␟')),
        subject: text,
        time: fc.constant('2016-07-26T13:47:10Z'),
        extensions: fc.dictionary(fc.stringMatching(/^x[a-z0-9]{1,9}$/), text, { noNullPrototype: true }),
      },
      { requiredKeys: ['accountId', 'id', 'source', 'time', 'extensions'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(events, (attributes) => {
        const { subject: _sample, ...rest } = anEvent();
        const event = { ...rest, ...attributes };
        const bytesOf = (headers: Record<string, string>): RecordHeaders =>
          Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)]));
        const asBytes = bytesOf(eventHeaders(event));
        expect(eventFromHeaders(bytesOf(attributesHeader(event)), event.data)).toStrictEqual(event);
        expect(eventOf(readEventRecord({ headers: asBytes, value: event.data }, ACCEPTED_AT))).toStrictEqual(event);
      }),
    );
  });

  it('is keyed by its subject, or by its id without one', () => {
    expect(eventRecordKey(anEvent())).toBe('7:call:1');
    expect(eventRecordKey(anEvent({ subject: undefined }))).toBe('7:call-1');
  });
});

describe('a refused event says which attribute is at fault, and why', () => {
  const long = 'x'.repeat(LIMITS.attributeChars + 1);
  it.each([
    ['ce_id', undefined, 'missing-attribute', 'id: is missing'],
    ['ce_source', undefined, 'missing-attribute', 'source: is missing'],
    ['ce_type', undefined, 'missing-attribute', 'type: is missing'],
    ['ce_accountid', undefined, 'missing-attribute', 'accountid: is missing'],
    ['ce_specversion', undefined, 'missing-attribute', 'specversion: is missing'],
    ['ce_specversion', '0.3', 'invalid-attribute', 'specversion: must be 1.0, not "0.3"'],
    ['ce_id', '', 'invalid-attribute', 'id: must not be empty'],
    ['ce_id', 'a\nb', 'invalid-attribute', 'id: must not hold control characters (U+000A)'],
    ['ce_id', '\u001fa', 'invalid-attribute', 'id: must not hold control characters (U+001F)'],
    ['ce_id', 'a\u007f', 'invalid-attribute', 'id: must not hold control characters (U+007F)'],
    ['ce_id', 'a\u009f', 'invalid-attribute', 'id: must not hold control characters (U+009F)'],
    ['ce_id', 'a\u0085', 'invalid-attribute', 'id: must not hold control characters (U+0085)'],
    ['ce_id', ['a', 'b'], 'invalid-attribute', 'id: must be given once, in UTF-8'],
    ['ce_id', Buffer.from([0x61, 0xff]), 'invalid-attribute', 'id: must be given once, in UTF-8'],
    ['ce_subject', long, 'invalid-attribute', 'subject: must have at most 1024 characters, not 1025'],
    ['ce_source', 'a\u241fb', 'invalid-attribute', 'source: must be a URI reference, which cannot hold U+241F'],
    ['ce_accountid', '-7', 'invalid-attribute', 'accountid: must be a decimal integer below 2^53, not "-7"'],
    ['ce_accountid', '007', 'invalid-attribute', 'accountid: must be a decimal integer below 2^53, not "007"'],
    [
      'ce_accountid',
      '9007199254740992',
      'invalid-attribute',
      'accountid: must be a decimal integer below 2^53, not "9007199254740992"',
    ],
    ['ce_time', 'yesterday', 'invalid-attribute', 'time: must be an RFC 3339 date-time, not "yesterday"'],
    [
      'ce_Tenant',
      'x',
      'invalid-attribute',
      'Tenant: a CloudEvents attribute is named with lower-case letters and digits only',
    ],
    ['ce_data', 'x', 'invalid-attribute', 'data: is reserved for the data and cannot name an attribute'],
    ['content-type', 'text/plain', 'invalid-attribute', 'datacontenttype: must be application/json, not "text/plain"'],
    [
      'content-type',
      'application/cloudevents-batch+json',
      'invalid-attribute',
      'content-type: must be application/cloudevents+json or application/json',
    ],
    [
      'ce_type',
      'Fax.Finished',
      'unknown-type',
      'type: "Fax.Finished" is unknown, it must be <Resource>.<Event>, the resources are: [MonthlyRenewal, LowBalance, CccCampaign, CallBroadcast, TextBroadcast, OutboundCall, InboundCall, OutboundText, InboundText, ContactList, OutboundTextDeliveryReport]',
    ],
    [
      'ce_type',
      'CallBroadcast.Paused',
      'unknown-type',
      'type: "CallBroadcast.Paused" is unknown, supported CallBroadcast types are: [CallBroadcast.Started, CallBroadcast.Stopped, CallBroadcast.Finished]',
    ],
  ])('%s = %j', (header, value, code, words) => {
    const rejection = rejectionOf(binary({ [header]: value }));
    expect(rejection).toMatchObject({ code, words });
    expect(words.startsWith(`${rejection.field}: `)).toBe(true);
  });

  it.each([
    [null, 'no-value', 'data: is missing, the event has no value'],
    ['', 'no-value', 'data: is missing, the event has no value'],
    ['{"a":', 'not-json', 'data: ends at byte 5, before the value is complete'],
    [`"${'x'.repeat(256 * 1024 - 1)}"`, 'too-large', 'data: must have at most 262144 bytes, not 262145'],
  ])('data as %.20j', (data, code, words) => {
    expect(rejectionOf(binary({}, data === null ? null : Buffer.from(data)))).toMatchObject({
      code,
      field: 'data',
      words,
    });
  });

  it('takes data of exactly 256 KiB', () => {
    const data = `"${'x'.repeat(256 * 1024 - 2)}"`;
    expect(eventOf(binary({}, Buffer.from(data))).data.length).toBe(256 * 1024);
    expect(eventOf(structured({}, data)).data.length).toBe(256 * 1024);
  });

  it.each([
    ['no data', structured({}, ''), 'no-value', 'data: is missing'],
    [
      'data in base64',
      structured({ data_base64: 'e30=' }, ''),
      'invalid-attribute',
      'data_base64: is not supported, send the JSON as data',
    ],
    [
      'an object as attribute',
      structured({ trace: {} }),
      'invalid-attribute',
      'trace: must be a string, a number or a boolean',
    ],
    [
      'half a surrogate pair',
      structured({ id: '\ud800' }),
      'invalid-attribute',
      'id: must not hold half of a surrogate pair',
    ],
    [
      'a fractional account',
      structured({ accountid: 1.5 }),
      'invalid-attribute',
      'accountid: must be a decimal integer below 2^53, not "1.5"',
    ],
    ['null as id', structured({ id: null }), 'missing-attribute', 'id: is missing'],
    [
      'too much data',
      structured({}, `"${'x'.repeat(300_000)}"`),
      'too-large',
      'data: must have at most 262144 bytes, not 300002',
    ],
    ['an array', readStructured(Buffer.from('[]'), 0), 'not-json', 'event: must be a JSON object'],
    ['no JSON', readStructured(Buffer.from('{'), 0), 'not-json', 'event: ends at byte 1, before the value is complete'],
    [
      'no value on Kafka',
      readEventRecord({ headers: { 'content-type': 'application/cloudevents+json' }, value: null }, 0),
      'no-value',
      'data: is missing, the record has no value',
    ],
  ])('structured mode with %s', (_name, result, code, words) => {
    expect(rejectionOf(result)).toMatchObject({ code, words });
  });

  it('never throws, whatever the bytes', () => {
    const header = fc.oneof(
      fc.string(),
      fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
    );
    const names = fc.constantFrom(
      'content-type',
      'ce_id',
      'ce_source',
      'ce_type',
      'ce_accountid',
      'ce_specversion',
      'ce_',
      'x',
    );
    fc.assert(
      fc.property(fc.dictionary(names, header), fc.uint8Array({ maxLength: 60 }), (headers, value) => {
        readEventRecord({ headers, value: Buffer.from(value) }, 0);
        readStructured(Buffer.from(value), 0);
        batchOf(Buffer.from(value));
      }),
    );
  });
});

function batchOf(text: Buffer): { events: Buffer[]; rejection: Rejection | undefined } {
  const events: Buffer[] = [];
  const texts = batchEvents(text);
  let next = texts.next();
  for (; !next.done; next = texts.next()) events.push(next.value);
  return { events, rejection: next.value };
}

describe('batchEvents', () => {
  it('hands out each event in its own bytes', () => {
    const { events, rejection } = batchOf(Buffer.from(' [ {"a":[1]} ,{"b":"],"}\n] '));
    expect(events.map(String)).toStrictEqual(['{"a":[1]}', '{"b":"],"}']);
    expect(rejection).toBeUndefined();
  });

  it.each([
    ['[]', 'no-value', 'events: a batch holds at least one event'],
    ['{}', 'not-json', 'events: must be a JSON array of events'],
    ['[{},]', 'not-json', 'events: has an unexpected "]" at byte 4'],
    ['[{}', 'not-json', 'events: ends at byte 3, before the value is complete'],
    [`[${'1,'.repeat(1000)}1]`, 'too-large', 'events: a batch holds at most 1000 events, not 1001'],
  ])('refuses %.20s', (text, code, words) => {
    expect(batchOf(Buffer.from(text)).rejection).toStrictEqual({ code, field: 'events', words });
  });

  it('hands out no more than 1,000, however many there are', () => {
    expect(batchOf(Buffer.from(`[${'1,'.repeat(5_000)}1]`)).events).toHaveLength(1_000);
  });

  it('takes 1,000', () => {
    const { events, rejection } = batchOf(Buffer.from(`[${'1,'.repeat(999)}1]`));
    expect([events.length, rejection]).toEqual([1_000, undefined]);
  });
});
