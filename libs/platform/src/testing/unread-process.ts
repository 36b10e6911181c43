// A process that says the same again and again; its parent is told each time.
import { runProcess } from '../run-service.js';

await runProcess({
  name: 'unread',
  start: async () => {
    setInterval(() => {
      process.stdout.write('still here\n');
      process.stderr.write('still here\n');
      process.send?.('said');
    }, 5);
  },
});
