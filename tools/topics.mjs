// npm run topics: creates the missing topics. What operators do with them: -- rewind | redrive | accept-loss.
// Needs the built libraries (npm run build).
import { createMissing } from './topics/create.mjs';
import { acceptLoss, redrive, rewind } from './topics/operate.mjs';

const commands = { create: createMissing, rewind, redrive, 'accept-loss': acceptLoss };
const [name = 'create', ...args] = process.argv.slice(2);

try {
  const command = commands[name];
  if (!command) throw new Error(`"${name}" is none of ${Object.keys(commands).join(', ')}`);
  await command(...args);
} catch (error) {
  console.error(error.code === 'ERR_MODULE_NOT_FOUND' ? 'Build first: npm run build' : error.message);
  process.exitCode = 1;
}
