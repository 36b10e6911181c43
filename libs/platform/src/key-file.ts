import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigError } from './load-config.js';
import { KeyFileSchema, generateKeys, type Key, type KeyUse } from './keys.js';

/** Uses whose private keys only the service of the same name may hold. */
const PRIVATE_USES: readonly KeyUse[] = ['signing', 'delivery', 'audit'];

/**
 * Reads the key file. `service`: a service alone, which refuses private keys of another use, so that a file that was
 * copied to the wrong machine is noticed. Throws `ConfigError` about SWITCHHOOK_KEYS; the message quotes no key.
 */
export async function readKeyFile(path: string, service?: string): Promise<Key[]> {
  const keys = parseKeys(path, await readText(path));
  const foreign = keys.filter(
    (key) => key.private !== undefined && PRIVATE_USES.includes(key.use) && key.use !== service,
  );
  if (service !== undefined && foreign.length > 0) {
    const ids = foreign.map((key) => key.id).join(', ');
    throw fault(`"${path}" holds private keys that ${service} must not have: ${ids}; remove their "private"`);
  }
  return keys;
}

/** Reads the key file, making it (0600) when there is none. */
export async function readOrMakeKeyFile(path: string): Promise<Key[]> {
  try {
    await writeKeyFile(path, generateKeys());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readKeyFile(path);
}

/** Writes a new file that only its owner can read. Throws EEXIST rather than overwrite one: lost keys open nothing more. */
export async function writeKeyFile(path: string, keys: readonly Key[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(keys, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fault(`"${path}" cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
}

function parseKeys(path: string, text: string): Key[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fault(`"${path}" is not JSON`);
  }
  const result = KeyFileSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw fault(`"${path}" is no key file: entry ${issue?.path.join('.') ?? '?'}: ${issue?.message ?? 'invalid'}`);
}

const fault = (words: string): ConfigError => new ConfigError([{ variable: 'SWITCHHOOK_KEYS', words }]);
