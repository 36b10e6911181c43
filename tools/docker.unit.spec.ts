import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ALL_TOPICS } from '@switchhook/contracts';
import { SettingsSchema, createMetrics } from '@switchhook/platform';
import { parseEnv } from 'node:util';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ingestCounters } from '../apps/ingestion/src/counters.js';
import { secretsUnreadable } from '../apps/signing/src/secrets-unreadable.js';
import { ROLES, readSettings } from '../libs/platform/src/settings.js';
import { SERVICES } from './keys/services.mjs';
import { serviceOptions } from './setup/project.mjs';

const root = resolve(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(root, 'docker', path), 'utf8');
const yaml = (path: string) => parse(text(path), { merge: true });

interface ComposeService {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly args: { readonly APP: string } };
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
}

const compose: { services: Readonly<Record<string, ComposeService>>; volumes: object } = yaml('compose.yaml');
const ours = Object.entries(compose.services).filter(([, { build }]) => build !== undefined);
/** As compose fills in what the shell has not set. */
const filled = (service: ComposeService | undefined): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(service?.environment ?? {}).map(([name, value]) => [
      name,
      String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1'),
    ]),
  );
const serviceNames = [...new Set(ALL_TOPICS.flatMap(({ consumers }) => consumers))].filter(
  (name) => name !== 'producers',
);

describe('docker/compose.yaml', () => {
  it('has every service of the topics and of the roles, and the gateway', () => {
    const roles = ROLES.filter((role) => role !== 'all');
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining([...roles, ...serviceNames]));
    for (const name of SERVICES) expect(compose.services[name]?.build?.args.APP).toBe(name);
    expect(compose.services['gateway']?.environment?.['ROLE']).toBe('gateway');
  });

  it('sets nothing that the settings reader does not know', () => {
    const known = new Set([
      ...Object.keys(SettingsSchema.shape),
      ...SERVICES.map((name) => `${name.toUpperCase()}_URL`),
    ]);
    for (const [, { environment = {} }] of ours) {
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    }
  });

  it('gives each service what it needs, each the same servers, and a key volume that no other service mounts', () => {
    const made = { SWITCHHOOK_KEYS: '/keys/keys.json', SWITCHHOOK_INTERNAL_TOKEN: 'from settings.env' };
    const volumesOf = (name: string) => compose.services[name]?.volumes ?? [];
    for (const name of SERVICES) {
      const settings = readSettings({ ...filled(compose.services[name]), ...made }, { alone: true });
      expect(settings.KAFKA_BROKERS).toEqual(['kafka:9092']);
      expect(new URL(settings.DATABASE_URL ?? '').hostname).toBe('postgres');
      expect(volumesOf(name)).toEqual([`keys-${name}:/keys:ro`]);
      expect(volumesOf('keys')).toContain(`keys-${name}:/keys/${name}`);
    }
    expect(volumesOf('gateway')).toEqual([]);
  });

  it('hands on to delivery how its calls leave the machine', () => {
    const outbound = Object.keys(SettingsSchema.shape).filter((name) => name.startsWith('SWITCHHOOK_OUTBOUND_'));
    expect(outbound).not.toEqual([]);
    for (const name of outbound) {
      expect(compose.services['delivery']?.environment).toHaveProperty(name, `\${${name}:-}`);
    }
  });

  it('lets the gateway find each service on the port that it listens on', () => {
    const gateway = filled(compose.services['gateway']);
    for (const name of SERVICES) {
      const port = filled(compose.services[name])['PORT'];
      expect(gateway[`${name.toUpperCase()}_URL`]).toBe(`http://${name}:${port}`);
    }
  });

  it('starts a service when Kafka and PostgreSQL are healthy and its keys are made, and asks it whether it is ready', () => {
    for (const name of SERVICES) {
      expect(compose.services[name]?.depends_on).toEqual({
        kafka: { condition: 'service_healthy' },
        postgres: { condition: 'service_healthy' },
        keys: { condition: 'service_completed_successfully' },
      });
    }
    for (const name of [...SERVICES, 'gateway']) {
      const [kind, program, flag, script] = compose.services[name]?.healthcheck?.test ?? [];
      expect([kind, program, flag]).toEqual(['CMD', 'node', '-e']);
      expect(script).toContain('/health/ready');
      expect(() => new Function(script ?? '')).not.toThrow();
    }
    for (const name of ['kafka', 'postgres']) expect(compose.services[name]?.healthcheck?.test[0]).toBe('CMD');
  });

  it('names every volume that it mounts, publishes on this machine only, and leaves no variable unset', () => {
    for (const { volumes = [], ports = [] } of Object.values(compose.services)) {
      const named = volumes.map((volume) => volume.split(':')[0] ?? '').filter((source) => !source.startsWith('.'));
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named));
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    }
    // Every $ is one that compose fills in by itself.
    expect(text('compose.yaml').replace(/\$\{\w+:-[^}]*\}/g, '')).not.toContain('$');
  });

  it('runs the Kafka that the specs run on', () => {
    const [, version] =
      /KAFKA_VERSION = '([\d.]+)'/.exec(readFileSync(join(root, 'tools/kafka/broker.mjs'), 'utf8')) ?? [];
    expect(compose.services['kafka']?.image).toBe(`apache/kafka:${version}`);
  });
});

describe('docker/Dockerfile', () => {
  it('runs the main file of the app that it is built for, as another user than root', () => {
    const lines = text('Dockerfile').split('\n');
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')));
    expect(last).toContain('USER node');
    const command = last.find((line) => line.startsWith('CMD'));
    expect(command).toContain('apps/$APP/dist/main.js');
    expect(command).toContain(`node ${serviceOptions.join(' ')} `);
    const [, settings = ''] = /^ENV (NODE_ENV=.*)$/m.exec(last.join('\n')) ?? [];
    expect(parseEnv(settings.replaceAll(' ', '\n'))).toEqual({
      ...{ NODE_ENV: 'production', HOST: '0.0.0.0', SWITCHHOOK_KEYS: '/keys/keys.json' },
    });
    for (const [name, { build }] of ours) {
      expect(build).toMatchObject({ context: '..', dockerfile: 'docker/Dockerfile' });
      const { name: app } = JSON.parse(
        readFileSync(join(root, 'apps', build?.args.APP ?? name, 'package.json'), 'utf8'),
      );
      expect(app).toBe(`@switchhook/${build?.args.APP}`);
    }
  });
});

/** What the processes export: the platform's metrics, and those that services add. */
async function exported(): Promise<Set<string>> {
  const metrics = createMetrics();
  ingestCounters(metrics, Date.now);
  secretsUnreadable(metrics, pino({ level: 'silent' }));
  const samples = (await metrics.registry.getMetricsAsJSON()).flatMap(({ name, type }) =>
    String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
  );
  return new Set(['up', ...samples]);
}

/** The metrics in a PromQL expression. */
const metricsIn = (expression: string): string[] =>
  expression.replace(/"[^"]*"/g, '').match(/\b(?:switchhook|nodejs|process)_\w+|\bup\b/g) ?? [];

interface Dashboard {
  readonly panels: readonly {
    readonly type: string;
    readonly datasource?: { readonly uid: string };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

describe('what is watched', () => {
  const rules: { readonly alert: string; readonly expr: string }[] = yaml('prometheus/rules.yml').groups.flatMap(
    ({ rules: ofGroup }: { rules: [] }) => ofGroup,
  );
  const dashboard: Dashboard = JSON.parse(text('grafana/dashboards/switchhook.json'));
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('is exported: every metric of the rules and of the dashboard', async () => {
    const expressions = [...rules, ...panels.flatMap(({ targets = [] }) => targets)].map(({ expr }) => expr);
    const used = expressions.map(metricsIn);
    expect(used.filter((names) => names.length === 0)).toEqual([]);
    const known = await exported();
    expect([...new Set(used.flat())].filter((name) => !known.has(name))).toEqual([]);
  });

  it('is shown: every metric of ours is on the dashboard', async () => {
    const shown = panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)));
    const missing = [...(await exported())].filter(
      (name) => name.startsWith('switchhook_') && !/_(sum|count)$/.test(name) && !shown.includes(name),
    );
    expect(missing).toEqual([]);
  });

  it('is scraped from every process, under its name', () => {
    const [{ static_configs: targets }] = yaml('prometheus/prometheus.yml').scrape_configs;
    const expected = [...SERVICES, 'gateway'].map((name) => ({
      targets: [`${name}:${filled(compose.services[name])['PORT']}`],
      labels: { service: name },
    }));
    expect(targets).toEqual(expected);
  });

  it('comes from the data source that is provisioned', () => {
    const [{ uid, url }] = yaml('grafana/provisioning/datasources/prometheus.yaml').datasources;
    expect(url).toBe('http://prometheus:9090');
    expect(new Set(panels.map(({ datasource }) => datasource?.uid))).toEqual(new Set([uid]));
    const [{ options }] = yaml('grafana/provisioning/dashboards/switchhook.yaml').providers;
    expect(compose.services['grafana']?.volumes).toContain(`./grafana/dashboards:${options.path}:ro`);
  });
});
