import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asksForBasic } from './http-challenge.js';

describe('a challenge', () => {
  it.each<string | string[]>([
    'Basic',
    'Basic realm=""',
    'basic realm="x"',
    'BASIC realm="x", charset="UTF-8"',
    'Basic\trealm=x',
    'Basic dG9rZW42OA==',
    'Digest realm="x", nonce="y", Basic realm="z"',
    'Digest realm="a, b \\", Basic c", Basic realm="z"',
    'Negotiate, Basic',
    ' , Basic realm="x"',
    ['Negotiate', 'Basic realm="x"'],
  ])('%j asks for Basic', (header) => {
    expect(asksForBasic(header)).toBe(true);
  });

  it.each<string | string[] | undefined>([
    undefined,
    '',
    [],
    'Bearer realm="x"',
    'Basically realm="x"',
    'Digest realm="Basic"',
    'Digest realm="x, Basic realm=y"',
    'Digest realm="x\\", Basic"',
    'Digest nonce="x", Basic="y"',
    'Digest nonce="x", Basic = y',
    'Digest "Basic realm=x',
    '"Basic realm=x"',
    'X-Basic realm="x"',
  ])('%j does not', (header) => {
    expect(asksForBasic(header)).toBe(false);
  });

  it('asks for Basic whatever other schemes stand before and after it', () => {
    const other = fc.constantFrom('Negotiate', 'Bearer', 'Digest realm="a,b", qop="auth, auth-int"', 'NTLM TlRM==');
    fc.assert(
      fc.property(fc.array(other), fc.array(other), (before, after) => {
        expect(asksForBasic([...before, 'Basic realm="x"', ...after].join(', '))).toBe(true);
        expect(asksForBasic([...before, ...after].join(', '))).toBe(false);
      }),
    );
  });
});
