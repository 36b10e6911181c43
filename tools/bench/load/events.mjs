// What is sent: event number n, 1 KiB of data, and how its number is found again in whatever a receiver gets.
export const ENDPOINTS = 20;
/** Subjects, over all accounts: the keys of those that want order. */
export const KEYS = 1_000;
const FIRST_ACCOUNT = 100;
const DATA_BYTES = 1024;
const DIGITS = 9;
const MARKS = { n: Buffer.from('"n":"'), b: Buffer.from('"b":"') };
/** One event in so many is refused once by an endpoint that is flaky; it shares no factor with the number of keys. */
const FAILS_EVERY = 101;

const templateOf = (member) => {
  const filled = (message) => JSON.stringify({ [member]: '0'.repeat(DIGITS), id: 7_420_017_300_281, message });
  return Buffer.from(filled('x'.repeat(DATA_BYTES - filled('').length)));
};
const TEMPLATES = { n: templateOf('n'), b: templateOf('b') };

/** The accounts; each has one webhook, to the endpoint of the same place. */
export const accounts = Array.from({ length: ENDPOINTS }, (_, index) => FIRST_ACCOUNT + index);

/** Where event n goes, of `spread` endpoints that have events. */
export const endpointOf = (n, spread = ENDPOINTS) => n % spread;

export const keyOf = (n) => n % KEYS;

export const failsFirst = (n) => n % FAILS_EVERY === 0;

/** The CloudEvents attributes of event n, without their prefix (`ce-` in HTTP, `ce_` in Kafka). */
export function attributesOf(n, spread) {
  return attributes(`event-${n}`, `call-${keyOf(n)}`, accounts[endpointOf(n, spread)]);
}

/** Those of event number k of a burst, which are counted apart. */
export const burstAttributesOf = (k, account) => attributes(`burst-${k}`, `burst-${keyOf(k)}`, account);

const attributes = (id, subject, account) => ({
  specversion: '1.0',
  id,
  source: 'bench',
  type: 'OutboundCall.Finished',
  subject,
  accountid: String(account),
});

export const dataOf = (n) => numbered('n', n);

export const burstDataOf = (k) => numbered('b', k);

function numbered(member, number) {
  const data = Buffer.from(TEMPLATES[member]);
  data.write(String(number).padStart(DIGITS, '0'), data.indexOf(MARKS[member]) + MARKS[member].length);
  return data;
}

/** The number of the event that a received body is about; -1 for any other body. */
export const numberIn = (body) => numberAfter(MARKS.n, body);

export const burstNumberIn = (body) => numberAfter(MARKS.b, body);

function numberAfter(mark, body) {
  const at = body.indexOf(mark);
  return at < 0 ? -1 : Number(body.toString('latin1', at + mark.length, at + mark.length + DIGITS));
}
