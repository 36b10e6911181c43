import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOrMakeAdminCredentials } from './admin-credentials.js';
import { readKeyFile, readOrMakeKeyFile, writeKeyFile } from './key-file.js';
import { generateKeys } from './keys.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchhook-'));
  path = join(folder, 'data', 'file.json');
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;

describe('key file', () => {
  it('is made once, for its owner only, and read again', async () => {
    const made = await readOrMakeKeyFile(path);
    expect(made.map(({ use }) => use)).toEqual(['signing', 'delivery', 'credentials', 'audit']);
    expect(await modeOf(path)).toBe(0o600);
    expect(await readOrMakeKeyFile(path)).toEqual(made);
  });

  it('is made once by two that start together', async () => {
    const [one, two] = await Promise.allSettled([readOrMakeKeyFile(path), writeKeyFile(path, generateKeys())]);
    expect([one.status, two.status]).toContain('fulfilled');
    expect(await readKeyFile(path)).toHaveLength(4);
  });

  it('is never overwritten', async () => {
    await writeKeyFile(path, generateKeys());
    const before = await readFile(path);
    await expect(writeKeyFile(path, generateKeys())).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(path)).toEqual(before);
  });

  it('is refused by a service alone when it holds the private keys of another', async () => {
    const keys = generateKeys();
    await writeKeyFile(path, keys);
    await expect(readKeyFile(path, 'ingestion')).rejects.toThrow(
      /ingestion must not have: signing-.*delivery-.*audit-/,
    );
    const own = keys.map((key) => (key.use === 'signing' ? key : { ...key, private: undefined }));
    await writeFile(path, JSON.stringify(own));
    expect(await readKeyFile(path, 'signing')).toHaveLength(4);
    await expect(readKeyFile(path, 'delivery')).rejects.toThrow(/must not have: signing-/);
  });

  it.each([
    '',
    'secret-text',
    '{"a":1}',
    '[{"id":"a","use":"signing","public":"c2hvcnQ"}]',
    '[{"id":"a","use":"credentials"}]',
  ])('is refused without quoting it: %s', async (text) => {
    const file = join(folder, 'keys.json');
    await writeFile(file, text);
    const error = (await readKeyFile(file).catch((reason: unknown) => reason)) as Error;
    expect(error.message).toMatch(/SWITCHHOOK_KEYS: ".*keys.json" is/);
    expect(error.message).not.toMatch(/secret-text|c2hvcnQ/);
  });

  it('is missed by name', async () => {
    await expect(readKeyFile(path)).rejects.toThrow(/cannot be read \(ENOENT\)/);
  });
});

describe('admin credentials', () => {
  it('are made once, for their owner only, and name where we answer now', async () => {
    const first = await readOrMakeAdminCredentials(path, 'http://127.0.0.1:8080');
    expect(first.made).toBe(true);
    expect(Buffer.from(first.credentials.password, 'base64url')).toHaveLength(16);
    expect(await modeOf(path)).toBe(0o600);
    const second = await readOrMakeAdminCredentials(path, 'http://127.0.0.1:9090');
    expect(second).toEqual({ made: false, credentials: { ...first.credentials, url: 'http://127.0.0.1:9090' } });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(second.credentials);
    expect(await modeOf(path)).toBe(0o600);
  });

  it('stop the start when the file holds something else', async () => {
    const file = join(folder, 'credentials.json');
    await writeFile(file, '{}');
    await expect(readOrMakeAdminCredentials(file, '')).rejects.toThrow(/holds no credentials/);
  });
});
