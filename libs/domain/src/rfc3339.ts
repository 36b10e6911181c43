const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/**
 * Epoch milliseconds of an RFC 3339 date-time (fractions beyond a millisecond are cut), or undefined when `text` is none.
 * The leap second `:60` is the first moment of the next minute, as POSIX time has it.
 */
export function parseRfc3339(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (!match) return undefined;
  const fields = match.slice(1, 7).map(Number) as SixNumbers;
  const [year, month, day, hour, minute, second] = fields;
  const offsetMs = offsetOf(match[8], match[9], match[10]);
  if (offsetMs === undefined || !isDateTime(fields)) return undefined;
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'));
  const local = new Date(0);
  // Date.UTC would read the years 0 … 99 as 1900 … 1999.
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, millisecond);
  return local.getTime() - offsetMs;
}

type SixNumbers = [number, number, number, number, number, number];

function isDateTime([year, month, day, hour, minute, second]: SixNumbers): boolean {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  return hour <= 23 && minute <= 59 && second <= 60;
}

/** Milliseconds ahead of UTC; 0 for `Z`. */
function offsetOf(sign: string | undefined, hours = '0', minutes = '0'): number | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? -offsetMs : offsetMs;
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]!;
}
