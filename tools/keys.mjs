// npm run keys -- <path>: writes a new key file (interfaces.md, SWITCHHOOK_KEYS), readable by its owner only.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generateKeys } from '../libs/platform/src/keys.ts';

const [path] = process.argv.slice(2);
if (!path) {
  console.error('Usage: npm run keys -- <path of the new key file>');
  process.exit(2);
}

try {
  mkdirSync(dirname(path), { recursive: true });
  // wx: a key file is never overwritten, for lost keys open nothing more.
  writeFileSync(path, `${JSON.stringify(generateKeys(), null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  console.log(`Wrote ${path}. Give each service a copy without the private keys of the others.`);
} catch (error) {
  console.error(error.code === 'EEXIST' ? `${path} exists and is left as it is` : `${path}: ${error.message}`);
  process.exit(1);
}
