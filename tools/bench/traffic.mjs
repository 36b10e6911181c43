// The bench's side of the load's process.
import { join } from 'node:path';
import { forkChild } from './child.mjs';

/** Starts it. `ask(action, options)` resolves with its answer; `failures` are events that it could not send. */
export async function startTraffic() {
  const { child, ended, stop } = await forkChild(join(import.meta.dirname, 'load/process.mjs'));
  const waiting = new Map();
  const failures = [];
  let nextId = 1;
  child.on('message', ({ id, answer, error, failure }) => {
    if (failure) failures.push(failure);
    const call = waiting.get(id);
    waiting.delete(id);
    if (error) call?.reject(new Error(error));
    else call?.resolve(answer);
  });
  const ask = (action, options) => {
    const id = nextId++;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    child.send({ id, action, options });
    return Promise.race([answer, ended]);
  };
  const { urls, namedUrls, nameServer } = await ask('endpoints');
  return { ask, failures, pid: child.pid, endpoints: urls, namedEndpoints: namedUrls, nameServer, stop };
}
