// What is sent: event number n, 1 KiB of data, and how its number is found again in whatever a receiver gets.
export const ENDPOINTS = 20;
const FIRST_ACCOUNT = 100;
const DATA_BYTES = 1024;
const DIGITS = 9;
const MARK = Buffer.from('"n":"');
const TEMPLATE = Buffer.from(filled());

function filled() {
  const empty = JSON.stringify({ n: '0'.repeat(DIGITS), id: 7_420_017_300_281, message: '' });
  return JSON.stringify({
    n: '0'.repeat(DIGITS),
    id: 7_420_017_300_281,
    message: 'x'.repeat(DATA_BYTES - empty.length),
  });
}

/** The accounts; each has one webhook, to the endpoint of the same place. */
export const accounts = Array.from({ length: ENDPOINTS }, (_, index) => FIRST_ACCOUNT + index);

export const endpointOf = (n) => n % ENDPOINTS;

/** The CloudEvents attributes of event n, without their prefix (`ce-` in HTTP, `ce_` in Kafka). */
export function attributesOf(n) {
  return {
    specversion: '1.0',
    id: `event-${n}`,
    source: 'bench',
    type: 'OutboundCall.Finished',
    subject: `call-${n % 1000}`,
    accountid: String(accounts[endpointOf(n)]),
  };
}

export function dataOf(n) {
  const data = Buffer.from(TEMPLATE);
  data.write(String(n).padStart(DIGITS, '0'), data.indexOf(MARK) + MARK.length);
  return data;
}

/** The number of the event that a received body is about; -1 for any other body. */
export function numberIn(body) {
  const at = body.indexOf(MARK);
  return at < 0 ? -1 : Number(body.toString('latin1', at + MARK.length, at + MARK.length + DIGITS));
}
