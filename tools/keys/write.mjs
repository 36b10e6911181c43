// Files of keys: never overwritten, readable by their owner only.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { generateKeys } from '../../libs/platform/src/keys.ts';

/** Makes a new key file. Throws EEXIST rather than overwrite one: lost keys open nothing more. */
export function writeNewKeys(path) {
  mkdirSync(dirname(path), { recursive: true });
  writeWhole(path, textOf(generateKeys()), 'wx');
}

export const textOf = (keys) => `${JSON.stringify(keys, null, 2)}\n`;

/** Puts `text` in place of what was there, in one step: whoever reads it meanwhile has the old or the new. */
export function replaceFile(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeWhole(`${path}.new`, text, 'w');
  renameSync(`${path}.new`, path);
}

function writeWhole(path, text, flag) {
  const file = openSync(path, flag, 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
