import { createKeyRing, generateKeys, open, seal, type KeyRing } from '@switchhook/platform';
import type { Webhook } from '@switchhook/contracts';
import { describe, expect, it } from 'vitest';
import { SigningKeys, type Keys, type OpenSecret } from './signing-keys.js';
import { SECRET, SEALED, webhook } from './testing/fakes.js';

function start(openSecret: OpenSecret, keptMax = 10) {
  const reports: number[] = [];
  return { reports, keys: new SigningKeys(openSecret, ({ id }) => void reports.push(id), keptMax) };
}

const openedWith =
  (keyRing: KeyRing): OpenSecret =>
  ({ id, accountId }, sealed) =>
    open(keyRing, 'signing', { accountId, webhookId: id, field: 'secret' }, sealed);

describe('signing keys', () => {
  it('are opened from what was sealed to signing, for this webhook and no other', async () => {
    const keyRing = createKeyRing(generateKeys());
    const secret = await seal(keyRing, 'signing', { accountId: 7, webhookId: 1, field: 'secret' }, SECRET);
    const { keys, reports } = start(openedWith(keyRing));
    const opened = (await keys.keysOf(webhook(1, { secret }))) as Keys;
    expect(opened.keys.map((key) => key.export().equals(Buffer.alloc(32, 7)))).toEqual([true]);
    expect(opened.keyIds).toEqual([expect.stringMatching(/^sk_[0-9a-f]{12}$/)]);
    expect(await keys.keysOf(webhook(2, { secret }))).toEqual({ unreadable: expect.stringContaining('webhook 2') });
    expect(await keys.keysOf(webhook(1, { secret, accountId: 8, callVersion: 3 }))).toHaveProperty('unreadable');
    expect(reports).toEqual([2, 1]);
  });

  it('are opened once however many ask, and again when the calls of the webhook change', async () => {
    let openings = 0;
    const { keys } = start(async () => {
      openings += 1;
      return SECRET;
    });
    const asked = [keys.keysOf(webhook(1)), keys.keysOf(webhook(1, { version: 4 }))];
    const [first, second] = await Promise.all(asked.map(async (each) => each));
    expect(first).toBe(second);
    // Known now: no promise, no turn of the loop.
    expect(keys.keysOf(webhook(1))).toBe(first);
    expect(openings).toBe(1);
    await keys.keysOf(webhook(1, { callVersion: 3 }));
    expect(openings).toBe(2);
  });

  it('of one webhook do not wait for those of another', async () => {
    const { keys } = start((hook: Webhook) => (hook.id === 1 ? new Promise(() => undefined) : Promise.resolve(SECRET)));
    void keys.keysOf(webhook(1));
    expect(await keys.keysOf(webhook(2))).toHaveProperty('keys.length', 1);
  });

  it('that do not open, or are none of the profile’s, are told once and remembered', async () => {
    const { keys, reports } = start(async ({ id }) => {
      if (id === 1) throw new Error('wrong key');
      return 'whsec_short';
    });
    expect(await keys.keysOf(webhook(1))).toEqual({ unreadable: 'wrong key' });
    expect(keys.keysOf(webhook(1))).toEqual({ unreadable: 'wrong key' });
    expect(await keys.keysOf(webhook(2))).toHaveProperty('unreadable');
    expect(reports).toEqual([1, 2]);
  });

  it('are none for a webhook without a secret', () => {
    const { keys } = start(() => Promise.reject(new Error('nothing to open')));
    expect(keys.keysOf(webhook(1, { secret: undefined }))).toEqual({ keys: [], keyIds: [] });
  });

  it('are named by what is sealed, which tells nothing about the secret', async () => {
    const { keys } = start(async () => SECRET);
    const ids = async (ciphertext: string): Promise<readonly string[]> =>
      ((await keys.keysOf(webhook(ciphertext.length, { secret: { ...SEALED, ciphertext } }))) as Keys).keyIds;
    expect(await ids('a')).not.toEqual(await ids('bb'));
  });
});
