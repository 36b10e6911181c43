import { createSecretKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { profileOf } from '@switchhook/domain';
import { eventually } from '@switchhook/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aWebhook, anEvent } from '../libs/domain/src/event.spec-support.js';

const text = readFileSync(resolve(import.meta.dirname, '../docs/receivers.md'), 'utf8');
const DELIVERY_ID = '0b6f3a1e-5f0e-5a0f-9d0c-8f1f2f3f4f5f';
const NOW_MS = 1_700_000_000_123;
const KEY = Buffer.alloc(32, 7);
/** One that JSON.parse and back would change. */
const DATA = Buffer.from('{"id": 7420017300281076000, "message":"größer"}');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchhook-receivers-'));
  // Each sample begins with the name of its file.
  for (const [, code = '', name = ''] of text.matchAll(/^```js\n(\/\/ (\S+\.mjs)\n[^]*?)^```$/gm)) {
    writeFileSync(join(folder, name), code);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const sample = (name: string) => import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href);

/** A call as we sign it: header names in lower case, as Node hands them to a receiver. */
function call(profileName: 'standard' | 'callfire-v2', keys = [KEY], nowMs = NOW_MS) {
  const profile = profileOf(profileName);
  const webhook = aWebhook({ profile: profileName });
  const body = profile.render({ event: anEvent({ data: DATA }), webhook, deliveryId: DELIVERY_ID });
  const secrets = keys.map((key) => createSecretKey(key));
  const signed = profile.sign({ body, webhook, deliveryId: DELIVERY_ID, keys: secrets, nowMs });
  const headers = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value]));
  return { body, headers, secret: profile.keyToSecret(KEY) };
}

const changed = (body: Buffer) => Buffer.from(body.toString().replace('größer', 'kleiner'));

describe("receivers' sample for standard", () => {
  const seconds = NOW_MS / 1_000;

  it('takes what we sign, also while keys rotate', async () => {
    const { isGenuine } = await sample('standard.mjs');
    const { body, headers, secret } = call('standard');
    expect(isGenuine(headers, body, secret, seconds)).toBe(true);
    const rotating = call('standard', [Buffer.alloc(32, 8), KEY]);
    expect(isGenuine(rotating.headers, rotating.body, secret, seconds)).toBe(true);
  });

  it('refuses another body, another key, another id, an old call and a call without a signature', async () => {
    const { isGenuine } = await sample('standard.mjs');
    const { body, headers, secret } = call('standard');
    const other = call('standard', [Buffer.alloc(32, 8)]);
    expect([
      isGenuine(headers, changed(body), secret, seconds),
      isGenuine(other.headers, other.body, secret, seconds),
      isGenuine({ ...headers, 'webhook-id': 'another' }, body, secret, seconds),
      isGenuine(headers, body, secret, seconds + 301),
      isGenuine(headers, body, secret, seconds - 301),
      isGenuine({ ...headers, 'webhook-timestamp': 'now' }, body, secret, seconds),
      isGenuine({}, body, secret, seconds),
      isGenuine({ ...headers, 'webhook-signature': 'v1,' }, body, secret, seconds),
    ]).toEqual(Array(8).fill(false));
  });
});

describe("receivers' sample for callfire-v2", () => {
  it('takes what we sign, and nothing else', async () => {
    const { isGenuine } = await sample('callfire-v2.mjs');
    const key = Buffer.from('a secret of words');
    const { body, headers } = call('callfire-v2', [key]);
    expect(isGenuine(headers, body, 'a secret of words')).toBe(true);
    expect([
      isGenuine(headers, changed(body), 'a secret of words'),
      isGenuine(headers, body, 'another'),
      isGenuine({}, body, 'a secret of words'),
    ]).toEqual([false, false, false]);
  });
});

describe("receivers' whole sample", () => {
  it('answers 204 to a genuine call and has its event once, and 401 to another', async () => {
    const { createReceiver } = await sample('receiver.mjs');
    const events: { readonly type: string }[] = [];
    const { body, headers, secret } = call('standard', [KEY], Date.now());
    const server: Server = createReceiver(secret, (event: { type: string }) => events.push(event));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const post = async (content: Buffer) =>
      (await fetch(url, { method: 'POST', headers, body: new Uint8Array(content) })).status;
    expect([await post(body), await post(body), await post(changed(body))]).toEqual([204, 204, 401]);
    await eventually(() => expect(events).toMatchObject([{ type: 'OutboundCall.Finished' }]));
    server.closeAllConnections();
    server.close();
  });
});

describe('what receivers are told', () => {
  it('names the delays and the time-out that profiles have', () => {
    const { delaysMs, timeoutMs } = profileOf('standard').rules;
    expect(text).toContain(`(${timeoutMs / 1_000} s where`);
    const words = delaysMs.map((ms) =>
      ms < 60_000 ? `${ms / 1_000} s` : ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`,
    );
    expect(text).toContain(`${words.slice(0, -1).join(', ')} and ${words.at(-1)}`);
  });
});
