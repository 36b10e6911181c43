import type { TelephonyEvent } from '@switchhook/contracts';
import { selectFields } from '../json-text.js';
import { decodeStandardSecret, encodeStandardSecret, standardSignature } from '../signature.js';
import { DEFAULT_RULES, accepts2xx } from './default-rules.js';
import type { Profile } from './profile.js';

/** Standard Webhooks 1.0: the event as CloudEvents structured JSON, signed with `webhook-id`, `-timestamp` and `-signature`. */
export const standard: Profile = {
  name: 'standard',
  rules: { ...DEFAULT_RULES, generatedSecretBytes: 32 },
  secretToKey: decodeStandardSecret,
  keyToSecret: encodeStandardSecret,
  render({ event, webhook }) {
    const body = cloudEventText(event);
    return webhook.fields === undefined ? body : selectFields(body, webhook.fields);
  },
  sign({ body, deliveryId, keys, nowMs }) {
    const timestampSeconds = Math.floor(nowMs / 1_000);
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'webhook-id': deliveryId,
      'webhook-timestamp': String(timestampSeconds),
    };
    if (keys.length > 0) headers['webhook-signature'] = standardSignature(keys, deliveryId, timestampSeconds, body);
    return headers;
  },
  accepts: accepts2xx,
};

/** Members in the order that interfaces.md promises; the data is laid between them as it came. */
function cloudEventText(event: TelephonyEvent): Buffer {
  const { id, source, type, subject, time, accountId, dataContentType, extensions, data } = event;
  const before = JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type,
    subject,
    time,
    accountid: String(accountId),
    datacontenttype: dataContentType,
  });
  const after = JSON.stringify(extensions);
  return Buffer.concat([
    Buffer.from(`${before.slice(0, -1)},"data":`),
    data,
    Buffer.from(after === '{}' ? '}' : `,${after.slice(1)}`),
  ]);
}
