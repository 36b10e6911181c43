import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrayItems, checkJson, member, objectMembers, selectFields } from './json-text.js';

const bytes = (text: string): Buffer => Buffer.from(text);
const parse = (text: Buffer): unknown => JSON.parse(text.toString('utf8'));
/** JSON.parse over a strict decoder: the judge of what is valid. */
const isValid = (text: Buffer): boolean => {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text));
    return true;
  } catch {
    return false;
  }
};
const unusualNames = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.constantFrom('id', 'a"b', 'back\\slash', '', '__proto__'),
);
const values = fc.jsonValue({ maxDepth: 5 });
const spacing = fc.constantFrom(undefined, 1, '\t', '\r\n ');
const texts = fc.tuple(values, spacing).map(([value, space]) => bytes(JSON.stringify(value, null, space)));

describe('checkJson', () => {
  it('accepts whatever JSON.stringify writes', () => {
    fc.assert(fc.property(texts, (text) => checkJson(text) === null));
  });

  it('agrees with JSON.parse on texts with one byte changed, added or removed', () => {
    const mutated = fc
      .tuple(
        texts,
        fc.nat(),
        fc.oneof(fc.nat(255), fc.constantFrom(...bytes('{}[]",:\\eE+-.0123456789u \n'))),
        fc.nat(2),
      )
      .map(([text, at, byte, kind]) => {
        const position = at % (text.length + 1);
        const rest = text.subarray(kind === 0 ? position : position + 1);
        return Buffer.concat([text.subarray(0, position), Buffer.from(kind === 2 ? [] : [byte]), rest]);
      });
    fc.assert(
      fc.property(mutated, (text) => {
        expect(checkJson(text) === null, text.toString()).toBe(isValid(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it('agrees with JSON.parse on arbitrary bytes inside a string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6 }), (inner) => {
        const text = Buffer.concat([bytes('"'), inner, bytes('"')]);
        return (checkJson(text) === null) === isValid(text);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['', 'ends at byte 0, before the value is complete'],
    ['  ', 'ends at byte 2, before the value is complete'],
    ['{"a":1,}', 'has an unexpected "}" at byte 7'],
    ['[1,]', 'has an unexpected "]" at byte 3'],
    ['{"a":01}', 'has an unexpected "1" at byte 6'],
    ['[1 2]', 'has an unexpected "2" at byte 3'],
    ['{} {}', 'has an unexpected "{" at byte 3'],
    ["{'a':1}", 'has an unexpected "\'" at byte 1'],
    ['// x\n1', 'has an unexpected "/" at byte 0'],
    ['"\\x"', 'has an unexpected "x" at byte 2'],
    ['"\\u12g4"', 'has an unexpected "g" at byte 5'],
    ['"\u0001"', 'has an unexpected byte 0x01 at byte 1'],
    ['\ufeff1', 'has an unexpected byte 0xef at byte 0'],
    ['-', 'ends at byte 1, before the value is complete'],
    ['1.', 'ends at byte 2, before the value is complete'],
    ['1e+', 'ends at byte 3, before the value is complete'],
    ['truE', 'has an unexpected "E" at byte 3'],
    ['NaN', 'has an unexpected "N" at byte 0'],
    ['{"a"1}', 'has an unexpected "1" at byte 4'],
  ])('says what is wrong with %j', (text, words) => {
    expect(checkJson(bytes(text))).toBe(words);
  });

  it.each([
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['an overlong form of two bytes', [0xc1, 0xbf]],
    ['an overlong form of three bytes', [0xe0, 0x9f, 0xbf]],
    ['an overlong form of four bytes', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['a code point beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a sequence cut short', [0xe2, 0x82]],
  ])('refuses %s, which arbitrary bytes hardly ever are', (_name, sequence) => {
    expect(checkJson(Buffer.from([0x22, ...sequence, 0x22]))).toBe('is not valid UTF-8 at byte 1');
  });

  it('names broken UTF-8 and its place', () => {
    expect(checkJson(Buffer.from([0x22, 0x61, 0xff, 0x22]))).toBe('is not valid UTF-8 at byte 2');
  });

  it('allows 64 levels and refuses the 65th', () => {
    const nested = (levels: number) => bytes('['.repeat(levels) + ']'.repeat(levels));
    expect(checkJson(nested(64))).toBeNull();
    expect(checkJson(nested(65))).toBe('is nested deeper than 64 levels at byte 64');
    expect(checkJson(nested(100_000))).toBe('is nested deeper than 64 levels at byte 64');
    expect(checkJson(bytes('{"a":'.repeat(65) + '1' + '}'.repeat(65)))).toMatch(/deeper than 64/);
  });
});

describe('member', () => {
  it('is the slice that parses to what JSON.parse finds there', () => {
    const objects = fc.tuple(fc.dictionary(unusualNames, values, { maxKeys: 5 }), spacing);
    fc.assert(
      fc.property(objects, ([object, space]) => {
        const text = bytes(JSON.stringify(object, null, space));
        const parsed = parse(text) as Record<string, unknown>;
        for (const name of Object.keys(parsed)) expect(parse(member(text, [name])!)).toStrictEqual(parsed[name]);
        expect(member(text, ['not there'])).toBeUndefined();
        expect(
          objectMembers(text)!
            .map(({ name }) => name)
            .sort(),
        ).toStrictEqual(Object.keys(parsed).sort());
      }),
    );
  });

  it('goes down by names and indexes', () => {
    const text = bytes(' {"a":{"b":[1,{"c":"x\\"}]"}]}} ');
    expect(member(text, ['a', 'b', '1', 'c'])?.toString()).toBe('"x\\"}]"');
    expect(member(text, ['a', 'b', '2'])).toBeUndefined();
    expect(member(text, ['a', 'b', '1', 'c', 'd'])).toBeUndefined();
    expect(member(text, [])?.toString()).toBe(text.toString().trim());
  });

  it('keeps integers beyond 2^53 byte for byte', () => {
    fc.assert(
      fc.property(fc.bigInt(), (id) => member(bytes(`{"x":{"id": ${id} }}`), ['x', 'id'])!.toString() === String(id)),
    );
  });

  it('finds a name that is written with escapes, and only as it reads', () => {
    const text = bytes('{"\\u0069d":1,"a\\/b":2,"\\ud83d\\ude00":3,"x\\\\":4}');
    expect(member(text, ['id'])?.toString()).toBe('1');
    expect(member(text, ['a/b'])?.toString()).toBe('2');
    expect(member(text, ['😀'])?.toString()).toBe('3');
    expect(member(text, ['x\\'])?.toString()).toBe('4');
    expect(member(text, ['\\u0069d'])).toBeUndefined();
  });

  it('takes the last of members with one name, as JSON.parse does', () => {
    expect(member(bytes('{"id":1,"\\u0069d":2,"a":0,"id":{"id":3}}'), ['id'])?.toString()).toBe('{"id":3}');
  });

  it('ends on any bytes, even those that are no JSON', () => {
    const junk = fc
      .array(fc.constantFrom(...bytes('{}[]",:\\a1 ')), { maxLength: 30 })
      .map((list) => Buffer.from(list));
    fc.assert(
      fc.property(junk, (text) => {
        itemsOf(text);
        try {
          member(text, ['a', '0']);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

function itemsOf(text: Buffer): Buffer[] | undefined {
  const items: Buffer[] = [];
  const iterator = arrayItems(text);
  let next = iterator.next();
  for (; !next.done; next = iterator.next()) items.push(next.value);
  return next.value ? items : undefined;
}

describe('arrayItems', () => {
  it('is an array exactly when the text is one and its items are JSON', () => {
    const alphabet = fc.constantFrom('[', ']', '{', '}', ',', '1', ' ', '"', '"a":', 'null');
    const soup = fc.array(alphabet, { maxLength: 10 }).map((parts) => bytes(`[${parts.join('')}]`));
    fc.assert(
      fc.property(fc.oneof(soup, texts), (text) => {
        const items = itemsOf(text);
        const accepted = items !== undefined && items.every((item) => checkJson(item) === null);
        const expected = isValid(text) && Array.isArray(parse(text));
        expect(accepted, text.toString()).toBe(expected);
        if (accepted) expect(items.map(parse)).toStrictEqual(parse(text));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('selectFields', () => {
  const text = bytes(
    '{"id" : 7420017300281076000, "name":"x","items":[{"id":1,"name":"a"},{"name":"b", "id":2}],"to":null}',
  );
  it.each([
    ['id', '{"id" : 7420017300281076000}'],
    ['to,id', '{"id" : 7420017300281076000,"to":null}'],
    ['items(id)', '{"items":[{"id":1},{"id":2}]}'],
    ['items(name),name', '{"name":"x","items":[{"name":"a"},{"name":"b"}]}'],
    ['items(name,id)', '{"items":[{"id":1,"name":"a"},{"name":"b","id":2}]}'],
    [' items ( id ) , to ', '{"items":[{"id":1},{"id":2}],"to":null}'],
    ['items(id),items(name)', '{"items":[{"id":1,"name":"a"},{"name":"b","id":2}]}'],
    ['items,items(id)', '{"items":[{"id":1,"name":"a"},{"name":"b", "id":2}]}'],
    ['to(id),name(x)', '{"name":"x","to":null}'],
    ['unknown,id', '{"id" : 7420017300281076000}'],
    ['unknown', '{}'],
    ['items(unknown)', '{"items":[{},{}]}'],
    ['items(id', '{"items":[{"id":1},{"id":2}]}'],
    ['id)),to', '{"id" : 7420017300281076000,"to":null}'],
    ['', text.toString()],
  ])('%j keeps what it names, in the bytes and the order of the text', (fields, selected) => {
    expect(selectFields(text, fields).toString()).toBe(selected);
  });

  it('goes into each item of a text that is an array', () => {
    expect(selectFields(bytes('[{"a":1,"b":2},3,{"a":[ ]}]'), 'a').toString()).toBe('[{"a":1},3,{"a":[ ]}]');
  });

  it('is always JSON, and holds nothing that was not asked for', () => {
    const objects = fc.dictionary(fc.constantFrom('a', 'b', 'c'), values);
    fc.assert(
      fc.property(objects, fc.constantFrom('a', 'b,c', 'a(a,b)', 'a(b(c)),c'), (object, fields) => {
        const selected = selectFields(bytes(JSON.stringify(object)), fields);
        expect(checkJson(selected)).toBeNull();
        expect(Object.keys(parse(selected) as object).every((name) => fields.includes(name))).toBe(true);
      }),
    );
  });
});
