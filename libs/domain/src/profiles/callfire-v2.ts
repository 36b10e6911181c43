import { selectFields } from '../json-text.js';
import { parseRfc3339 } from '../rfc3339.js';
import { callfireSignature } from '../signature.js';
import { DEFAULT_RULES, accepts2xx } from './default-rules.js';
import type { Profile } from './profile.js';

/** CallFire API v2: its envelope around the resource, and `X-CallFire-Signature` when the webhook has a secret (telephony.md §1.3, §1.4). */
export const callfireV2: Profile = {
  name: 'callfire-v2',
  rules: { ...DEFAULT_RULES, generatedSecretBytes: 0 },
  secretToKey(secret) {
    if (secret === '') throw new Error('must not be empty');
    return Buffer.from(secret, 'utf8');
  },
  keyToSecret: (key) => key.toString('utf8'),
  render({ event, webhook }) {
    const dot = event.type.indexOf('.');
    const resourceType = event.type.slice(0, dot);
    const timestamp = parseRfc3339(event.time);
    // A webhook without a name has no webhookName member: CallFire's clients omit nulls and tolerate absence.
    const envelope = JSON.stringify({ timestamp, webhookId: webhook.id, webhookName: webhook.name, resourceType });
    const entry = JSON.stringify({
      timestamp,
      webhookId: webhook.id,
      resourceType,
      eventType: event.type.slice(dot + 1),
    });
    const body = Buffer.concat([
      Buffer.from(`${envelope.slice(0, -1)},"events":[${entry.slice(0, -1)},"resource":`),
      event.data,
      Buffer.from('}]}'),
    ]);
    return webhook.fields === undefined ? body : selectFields(body, webhook.fields);
  },
  sign({ body, keys }) {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    // The scheme has room for one signature: while keys rotate, the current one signs.
    const [current] = keys;
    if (current) headers['X-CallFire-Signature'] = callfireSignature(current, body);
    return headers;
  },
  accepts: accepts2xx,
};
