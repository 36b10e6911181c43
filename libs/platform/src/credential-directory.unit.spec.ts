import { randomBytes, scryptSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { fakeResources } from './fakes/fake-resources.js';
import { aCredential, credentialRecord } from './fakes/samples.js';
import { credentialSecrets } from './keys.js';
import { chosenVerifier, createPasswordCheck, generatedVerifier } from './password-verifier.js';

describe('credential directory', () => {
  it('accepts the right pair and no other', async () => {
    const { log, credentials, keyRing } = await fakeResources();
    const [secret = randomBytes(32)] = credentialSecrets(keyRing);
    await log.publish([credentialRecord(aCredential({ verifier: generatedVerifier(secret, 'right') }))]);
    expect((await credentials.verify('sue', 'right'))?.id).toBe(11);
    for (const [name, password] of [
      ['sue', 'wrong'],
      ['sue', ''],
      ['bob', 'right'],
      ['', ''],
    ] as const) {
      expect(await credentials.verify(name, password)).toBeUndefined();
    }
  });

  it('refuses a credential from the moment on at which it is disabled, deleted or expired', async () => {
    let now = 1_000;
    const { log, credentials, keyRing } = await fakeResources(() => now);
    const [secret = randomBytes(32)] = credentialSecrets(keyRing);
    const base = aCredential({ verifier: generatedVerifier(secret, 'right') });
    const works = async () => (await credentials.verify('sue', 'right')) !== undefined;
    const publish = (changes: object) => log.publish([credentialRecord({ ...base, ...changes })]);
    await publish({ version: 1, expiresAt: 2_000 });
    expect(await works()).toBe(true);
    now = 2_000;
    expect(await works()).toBe(false);
    await publish({ version: 2, enabled: false });
    expect(await works()).toBe(false);
    await publish({ version: 3 });
    expect(await works()).toBe(true);
    await publish({ version: 4, deleted: true });
    expect(await works()).toBe(false);
    await publish({ version: 3 });
    expect(await works()).toBe(false);
  });

  it('follows a platform credential to another name and password', async () => {
    const { log, credentials } = await fakeResources();
    const first = await chosenVerifier('the first one', randomBytes(16));
    const second = await chosenVerifier('the second one', randomBytes(16));
    const platform = { role: 'platform', accountId: undefined } as const;
    await log.publish([credentialRecord(aCredential({ ...platform, username: 'a', verifier: first }))]);
    expect((await credentials.verify('a', 'the first one'))?.role).toBe('platform');
    await log.publish([credentialRecord(aCredential({ ...platform, username: 'b', verifier: second, version: 2 }))]);
    expect(await credentials.verify('a', 'the first one')).toBeUndefined();
    expect((await credentials.verify('b', 'the second one'))?.role).toBe('platform');
  });
});

/** As an operator's password is kept, at a cost that sixteen in a row can bear on a busy machine. */
function cheapVerifier(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 1024, r: 8, p: 1 });
  return `scrypt:1024:8:1:${salt.toString('base64url')}:${hash.toString('base64url')}`;
}

describe('password check', () => {
  it('remembers a chosen password until the version changes: the second time costs no scrypt', async () => {
    const check = createPasswordCheck([]);
    const credential = aCredential({ verifier: await chosenVerifier('correct horse', randomBytes(16)) });
    expect(await check(credential, 'sue', 'correct horse')).toBe(true);
    // A verifier that nothing matches any more: only the memory can say yes.
    const spoilt = { ...credential, verifier: credential.verifier.slice(0, -6) + 'AAAAAA' };
    expect(await check(spoilt, 'sue', 'correct horse')).toBe(true);
    expect(await check(spoilt, 'sue', 'battery staple')).toBe(false);
    expect(await check({ ...spoilt, version: 2 }, 'sue', 'correct horse')).toBe(false);
  });

  it('answers 429 when too many slow checks wait, and works again afterwards', async () => {
    const check = createPasswordCheck([]);
    const credential = aCredential({ verifier: cheapVerifier('correct horse') });
    const tries = Array.from({ length: 20 }, (_, at) => check(credential, 'sue', `guess ${at}`));
    const results = await Promise.allSettled(tries);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { status: 429 } });
    expect(await check(credential, 'sue', 'correct horse')).toBe(true);
  });

  it('accepts what an older credentials key made', async () => {
    const [older, newer] = [randomBytes(32), randomBytes(32)];
    const check = createPasswordCheck([newer, older]);
    expect(await check(aCredential({ verifier: generatedVerifier(older, 'p') }), 'sue', 'p')).toBe(true);
    expect(await check(aCredential({ verifier: generatedVerifier(randomBytes(32), 'p') }), 'sue', 'p')).toBe(false);
    expect(await check(undefined, 'sue', '')).toBe(false);
  });
});
