import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { ConfigError } from './load-config.js';

const AdminCredentialsSchema = z.object({ url: z.string(), username: z.string().min(1), password: z.string().min(1) });

/** The platform credential as `<data>/credentials.json` keeps it for whoever starts the product on one machine. */
export type AdminCredentials = z.infer<typeof AdminCredentialsSchema>;

/**
 * The credential that the file holds, or a new one (16 random bytes) that it holds from now on, readable by its owner only.
 * `made` says which. Throws `ConfigError` when the file is there but is none of ours.
 */
export async function readOrMakeAdminCredentials(
  path: string,
  url: string,
): Promise<{ credentials: AdminCredentials; made: boolean }> {
  const fresh = { url, username: 'admin', password: randomBytes(16).toString('base64url') };
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(textOf(fresh));
    await file.close();
    return { credentials: fresh, made: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const credentials = parse(path, await readFile(path, 'utf8'));
  // The port may be another one this time; who reads the file wants to reach us.
  if (credentials.url !== url) await writeFile(path, textOf({ ...credentials, url }));
  return { credentials: { ...credentials, url }, made: false };
}

const textOf = (credentials: AdminCredentials): string => `${JSON.stringify(credentials, null, 2)}\n`;

function parse(path: string, text: string): AdminCredentials {
  try {
    return AdminCredentialsSchema.parse(JSON.parse(text));
  } catch {
    const words = `"${path}" holds no credentials; set SWITCHHOOK_ADMIN_USER and SWITCHHOOK_ADMIN_PASSWORD, or remove the file`;
    throw new ConfigError([{ variable: 'SWITCHHOOK_DATA', words }]);
  }
}
