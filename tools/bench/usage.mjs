// CPU and memory of process trees, from /proc: null where there is none (not Linux).
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';

const isLinux = existsSync('/proc/self/stat');
const ticksPerSecond = isLinux ? Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : 100;

/**
 * CPU seconds so far and resident bytes of each named group of processes; `roots` is `{ name: { pid, tree } }`. With `tree`
 * its children count too, those that have ended included (Postgres), else it stands for itself.
 */
export function usageOf(roots) {
  if (!isLinux) return null;
  const processes = readProcesses();
  const usage = {};
  for (const [name, { pid, tree }] of Object.entries(roots)) {
    const members = tree ? treeOf(pid, processes) : [pid];
    const found = members.map((member) => processes.get(member)).filter(Boolean);
    const ended = processes.get(pid)?.childTicks ?? 0;
    const ticks = found.reduce((sum, one) => sum + one.ticks, tree ? ended : 0);
    usage[name] = { cpuSeconds: ticks / ticksPerSecond, rssBytes: memoryOf(members) };
  }
  return usage;
}

/** CPU milliseconds per delivery, by group, between two usages; and what they had in memory at the end. */
export function cpuPerDelivery(before, after, deliveries) {
  if (!before || !after) return null;
  const cpuMs = {};
  const rssMb = {};
  for (const name in after) {
    cpuMs[name] = ((after[name].cpuSeconds - before[name].cpuSeconds) * 1000) / Math.max(1, deliveries);
    rssMb[name] = after[name].rssBytes / 1024 / 1024;
  }
  return { cpuMs, rssMb };
}

function readProcesses() {
  const processes = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      // The name, in parentheses, may have spaces in it. proc(5): fields 4 (parent), 14-17 (times).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
      processes.set(Number(entry), { parent: Number(fields[1]), ticks: utime + stime, childTicks: cutime + cstime });
    } catch {
      // It has ended meanwhile.
    }
  }
  return processes;
}

function treeOf(root, processes) {
  const members = [root];
  for (const member of members)
    for (const [pid, { parent }] of processes) if (parent === member && !members.includes(pid)) members.push(pid);
  return members;
}

/** Proportional set size where it can be read: Postgres shares its buffers among its processes. */
function memoryOf(pids) {
  let bytes = 0;
  for (const pid of pids)
    bytes += kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss') ?? kilobytes(`/proc/${pid}/status`, 'VmRSS') ?? 0;
  return bytes;
}

function kilobytes(file, name) {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'));
    return found ? Number(found[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}
