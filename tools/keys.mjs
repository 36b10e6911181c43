// npm run keys -- <path>: writes a new key file (interfaces.md, SWITCHHOOK_KEYS), readable by its owner only.
// npm run keys -- --services <folder>: what each service needs when it runs alone, in a folder of its own (keys/services.mjs).
import { keysForServices } from './keys/services.mjs';
import { writeNewKeys } from './keys/write.mjs';

const args = process.argv.slice(2);
const isForServices = args[0] === '--services';
const path = args[isForServices ? 1 : 0];
if (!path || path.startsWith('-') || args.length > (isForServices ? 2 : 1)) {
  console.error('Usage: npm run keys -- <path of the new key file>\n       npm run keys -- --services <folder>');
  process.exit(2);
}

try {
  if (isForServices) {
    keysForServices(path);
    console.log(`${path} has a folder for each service. Keep ${path} itself where no service can read it.`);
  } else {
    writeNewKeys(path);
    console.log(`Wrote ${path}. Give each service a copy without the private keys of the others.`);
  }
} catch (error) {
  console.error(error.code === 'EEXIST' ? `${path} exists and is left as it is` : `${path}: ${error.message}`);
  process.exit(1);
}
