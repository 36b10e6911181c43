import type { Sealed, WebhookAuth, WebhookTls } from '@switchhook/contracts';
import type { CredentialInputs, WebhookChanges } from '@switchhook/domain';
import { seal, type KeyRing } from '@switchhook/platform';

type SealField = (field: string, text: string) => Promise<Sealed>;

/**
 * What a request gives for delivery to present, as the changes that a command takes: each secret sealed to delivery under the
 * name of its field, done before it reaches anything that is kept.
 */
export async function sealedCredentials(
  { keyRing }: { readonly keyRing: KeyRing },
  webhook: { readonly accountId: number; readonly webhookId: number },
  { auth, headers, tls }: CredentialInputs,
): Promise<Pick<WebhookChanges, 'auth' | 'headers' | 'tls'>> {
  const sealField: SealField = (field, text) => seal(keyRing, 'delivery', { ...webhook, field }, text);
  return {
    ...(auth !== undefined && { auth: auth && (await sealedAuth(auth, sealField)) }),
    ...(headers !== undefined && { headers: headers && (await sealedHeaders(headers, sealField)) }),
    ...(tls !== undefined && { tls: tls && (await sealedTls(tls, sealField)) }),
  };
}

async function sealedAuth(auth: NonNullable<CredentialInputs['auth']>, sealField: SealField): Promise<WebhookAuth> {
  if (auth.type === 'bearer') return { type: auth.type, token: await sealField('auth.token', auth.token) };
  const { type, username, password } = auth;
  return { type, username, password: await sealField('auth.password', password) };
}

async function sealedHeaders(
  headers: NonNullable<CredentialInputs['headers']>,
  sealField: SealField,
): Promise<Record<string, Sealed>> {
  const entries = Object.entries(headers).map(
    async ([name, value]) => [name, await sealField(`headers.${name.toLowerCase()}`, value)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function sealedTls(
  { clientKey, ...texts }: NonNullable<CredentialInputs['tls']>,
  sealField: SealField,
): Promise<WebhookTls> {
  if (clientKey === undefined) return texts;
  return {
    ...texts,
    clientKey: typeof clientKey === 'string' ? await sealField('tls.clientKey', clientKey) : clientKey,
  };
}
