import { CredentialEventSchema, type CredentialEvent } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { credentialDecider, type CredentialCommand } from './credential.js';
import { given } from './decider.spec-support.js';

const issued = { by: 'system', now: 100 };
const create = (changes: object = {}): CredentialCommand => ({
  type: 'create',
  id: 3,
  accountId: 7,
  role: 'account',
  name: 'n',
  username: 'u',
  verifier: 'v',
  ...issued,
  ...changes,
});
const platform = create({ accountId: undefined, role: 'platform' });
const after = (...commands: CredentialCommand[]): CredentialEvent[] =>
  commands.reduce<CredentialEvent[]>(
    (facts, command) => [...facts, ...given(credentialDecider, ...facts).when(command).facts],
    [],
  );
const simple = (type: 'enable' | 'disable' | 'delete'): CredentialCommand => ({ type, by: '1', now: 200 });

describe('a credential', () => {
  it('begins enabled, in version 1', () => {
    const [fact] = after(create());
    expect(fact).toStrictEqual({
      type: 'credential.created',
      at: 100,
      by: 'system',
      credential: {
        id: 3,
        accountId: 7,
        role: 'account',
        version: 1,
        name: 'n',
        username: 'u',
        verifier: 'v',
        enabled: true,
        deleted: false,
        createdAt: 100,
      },
    });
    expect(() => CredentialEventSchema.parse(fact)).not.toThrow();
  });

  it("belongs to one account, or is the platform's and belongs to none", () => {
    expect(after(platform)[0]!.credential).not.toHaveProperty('accountId');
    expect(() => after(create({ accountId: undefined }))).toThrow('accountId: a credential belongs to one account');
    expect(() => after(create({ role: 'platform' }))).toThrow('accountId: a credential belongs to one account');
  });

  it('is created once', () => {
    expect(() => after(create(), create())).toThrow('Credential 3 exists already');
  });

  it('is disabled and enabled, and nothing happens where it is so already', () => {
    const facts = after(create(), simple('enable'), simple('disable'), simple('disable'), simple('enable'));
    expect(facts.map(({ type }) => type)).toStrictEqual([
      'credential.created',
      'credential.disabled',
      'credential.enabled',
    ]);
    expect(facts.map(({ credential }) => [credential.version, credential.enabled])).toStrictEqual([
      [1, true],
      [2, false],
      [3, true],
    ]);
  });

  it('is gone for good when deleted', () => {
    const facts = after(create(), simple('delete'));
    expect(facts[1]).toMatchObject({
      type: 'credential.deleted',
      credential: { deleted: true, enabled: false, version: 2 },
    });
    for (const type of ['enable', 'disable', 'delete'] as const) {
      expect(() => given(credentialDecider, ...facts).when(simple(type))).toThrow('The credential does not exist');
    }
  });

  it('of the platform takes the settings of each start, when they are new', () => {
    const replace: CredentialCommand = { type: 'replace', username: 'u2', verifier: 'v2', ...issued };
    const facts = after(platform, simple('disable'), replace, replace);
    expect(facts).toHaveLength(3);
    expect(facts[2]).toMatchObject({
      type: 'credential.replaced',
      credential: { username: 'u2', verifier: 'v2', enabled: true },
    });
    expect(() => after(create(), replace)).toThrow('Only the credential of the platform');
  });
});
