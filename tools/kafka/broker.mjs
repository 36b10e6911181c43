// Obtains and runs a real single-node Apache Kafka (KRaft) for development and tests. Runs on Node 20 before anything is
// installed, so it speaks the few protocol words of its readiness probe itself (probe.mjs).
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { probe } from './probe.mjs';

const KAFKA_VERSION = '4.4.0';
const DOCKER_IMAGE = `apache/kafka:${KAFKA_VERSION}`;
/** For a JVM that lives for seconds or minutes: it never earns back what its best code costs to compile. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
const STORAGE_FORMAT = ['kafka.tools.StorageTool', 'format', '--standalone'];
const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 15_000;

/** Where the jars are kept between runs and projects. */
export function kafkaCacheDir() {
  const base = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(base, 'switchhook', `kafka-${KAFKA_VERSION}`);
}

/**
 * Makes Apache Kafka available: its jars from Maven Central where Java and Maven are there, else its Docker image.
 * Answers `{ kind: 'java', lib }` or `{ kind: 'docker', image }`; throws with the way on when neither is possible.
 */
export async function obtainKafka({ dir = kafkaCacheDir(), log = console.log } = {}) {
  const lib = join(resolve(dir), 'lib');
  const java = works('java', ['-version']);
  if (java && existsSync(lib)) return { kind: 'java', lib };
  if (java && works('mvn', ['-version'])) {
    log(`Fetching Apache Kafka ${KAFKA_VERSION} from Maven Central into ${dir} (about 45 MB, once)`);
    await fetchJars(resolve(dir), lib);
    return { kind: 'java', lib };
  }
  if (works('docker', ['info'])) return { kind: 'docker', image: DOCKER_IMAGE };
  throw new Error('Apache Kafka needs Java 17 and Maven, or a running Docker; neither was found');
}

/**
 * Starts a broker on `127.0.0.1:port` (0: a free one) with its data in `dir`, and resolves when it answers metadata, producer
 * and group requests. `stop()` ends it in order, `kill9()` at once; both leave the data, so the same `dir` starts again.
 * `advertisedPort`: where it tells its clients to find it, a proxy's for example. `shortLived`: for the length of a test run; not
 * for measuring.
 */
export async function startBroker(options) {
  const { dir, port = 0, log = console.log, cacheDir = kafkaCacheDir(), heapMb = 512 } = options;
  const { advertisedPort, shortLived = false } = options;
  const source = await obtainKafka({ dir: cacheDir, log });
  const root = resolve(dir);
  await mkdir(root, { recursive: true });
  const chosen = port === 0 ? await freePort() : port;
  const run = source.kind === 'java' ? runJava : runDocker;
  const broker = await run({ source, root, port: chosen, heapMb, advertisedPort, shortLived });
  try {
    await untilReady(chosen, broker, join(root, 'kafka.log'));
  } catch (error) {
    await broker.kill9();
    throw error;
  }
  return { port: chosen, pid: broker.pid, stop: broker.stop, kill9: broker.kill9, exited: broker.exited };
}

async function fetchJars(dir, lib) {
  // Fetched beside and renamed: two starts at once, or a broken download, must not leave half a folder behind.
  const staging = join(dir, `fetching-${randomUUID()}`);
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, 'pom.xml'), POM);
  const goal = ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib', '-DincludeScope=runtime'];
  try {
    await succeed(spawn('mvn', goal, { cwd: staging, stdio: ['ignore', 'pipe', 'pipe'] }), 'mvn');
    if (!existsSync(lib)) await rename(join(staging, 'lib'), lib).catch((error) => ignoreExisting(error, lib));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function ignoreExisting(error, lib) {
  if (!existsSync(lib)) throw error;
}

async function runJava({ source, root, port, heapMb, advertisedPort, shortLived }) {
  const properties = join(root, 'server.properties');
  const controllerPort = (await savedControllerPort(properties)) ?? (await freePort());
  const data = join(root, 'data');
  await writeFile(properties, serverProperties({ port, advertisedPort, controllerPort, data }));
  const classpath = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${source.lib}/*`];
  if (!(await isFormatted(data))) {
    const id = randomUUID().replaceAll('-', '').slice(0, 22);
    const format = [...SHORT_LIVED, ...classpath, ...STORAGE_FORMAT, '-t', id, '-c', properties];
    await succeed(spawn('java', format, { stdio: ['ignore', 'pipe', 'pipe'] }), 'formatting the storage');
  }
  const output = await open(join(root, 'kafka.log'), 'a');
  const heap = [`-Xms${Math.min(256, heapMb)}m`, `-Xmx${heapMb}m`];
  const lightly = shortLived ? SHORT_LIVED : [];
  const child = spawn('java', [...heap, ...lightly, ...classpath, 'kafka.Kafka', properties], {
    stdio: ['ignore', output.fd, output.fd],
  });
  await output.close();
  return running(child, () => child.kill('SIGTERM'));
}

async function runDocker({ source, root, port, advertisedPort }) {
  const name = `switchhook-kafka-${port}`;
  spawnSync('docker', ['rm', '-f', name], { stdio: 'ignore' });
  const properties = Object.entries(
    brokerSettings({ host: '0.0.0.0', port, advertisedPort, controllerPort: port + 1 }),
  );
  const env = properties.flatMap(([key, value]) => ['-e', `KAFKA_${key.toUpperCase().replaceAll('.', '_')}=${value}`]);
  const output = await open(join(root, 'kafka.log'), 'a');
  const publish = ['-p', `127.0.0.1:${port}:${port}`, '-v', `${name}:/var/lib/kafka/data`];
  const data = ['-e', 'KAFKA_LOG_DIRS=/var/lib/kafka/data'];
  const child = spawn('docker', ['run', '--rm', '--name', name, ...publish, ...env, ...data, source.image], {
    stdio: ['ignore', output.fd, output.fd],
  });
  await output.close();
  const kill9 = () => spawnSync('docker', ['kill', name], { stdio: 'ignore' });
  return running(child, () => spawnSync('docker', ['stop', name], { stdio: 'ignore' }), kill9);
}

/** A started process with its ends. Dies with this process, so that a test run that is stopped leaves no broker behind. */
function running(child, terminate, kill = () => child.kill('SIGKILL')) {
  const state = { ended: false };
  const exited = new Promise((done) => {
    child.once('error', () => done(-1));
    child.once('exit', (code) => done(code ?? -1));
  }).finally(() => {
    state.ended = true;
    process.off('exit', terminate);
  });
  process.on('exit', terminate);
  const end = async (signal) => {
    if (!state.ended) signal();
    const timer = setTimeout(() => !state.ended && kill(), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  return { pid: child.pid, exited, state, stop: () => end(terminate), kill9: () => end(kill) };
}

async function untilReady(port, broker, logFile) {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let reason = 'no answer yet';
  while (Date.now() < deadline) {
    if (broker.state.ended) throw new Error(`Kafka ended while it was starting:\n${await tail(logFile)}`);
    try {
      await probe(port);
      return;
    } catch (error) {
      reason = error.message;
    }
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(
    `Kafka on port ${port} was not ready within ${READY_TIMEOUT_MS / 1000} s (${reason}); see ${logFile}`,
  );
}

async function tail(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(-15).join('\n');
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

async function succeed(child, what) {
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`${what} failed (${code}):\n${Buffer.concat(output).toString('utf8').slice(-3000)}`);
}

async function freePort() {
  const server = createServer();
  await new Promise((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** The quorum remembers its voter's address, so a data folder keeps its controller port. */
async function savedControllerPort(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  const found = /^controller\.quorum\.bootstrap\.servers=127\.0\.0\.1:(\d+)$/m.exec(text);
  return found ? Number(found[1]) : undefined;
}

async function isFormatted(data) {
  return (await readdir(data).catch(() => [])).includes('meta.properties');
}

function serverProperties({ port, advertisedPort, controllerPort, data }) {
  const broker = brokerSettings({ host: '127.0.0.1', port, advertisedPort, controllerPort });
  const settings = { ...broker, 'log.dirs': data };
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

function brokerSettings({ host, port, advertisedPort = port, controllerPort }) {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort},CONTROLLER://127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'auto.create.topics.enable': 'false',
    // Without it each first join of a group waits 3 s.
    'group.initial.rebalance.delay.ms': '0',
    // A broker that was killed may only register again when its old session has ended.
    'broker.session.timeout.ms': '5000',
    'broker.heartbeat.interval.ms': '1000',
    'offsets.topic.num.partitions': '5',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
  };
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>switchhook</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;
