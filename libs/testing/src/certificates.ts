import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key, PEM. */
export interface Certified {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface CertificateWishes {
  /** Its subject's common name. */
  readonly name?: string;
  /** `DNS:a.example` and `IP:127.0.0.1`; both of this machine unless told. */
  readonly altNames?: readonly string[];
  /** From now; -1 makes one that has expired. */
  readonly days?: number;
  /** A key that exists, for a certificate that is renewed. */
  readonly key?: string;
  /** openssl's `-newkey`: a P-256 key unless told. */
  readonly newKey?: readonly string[];
}

/** A certificate authority of the test's own, by openssl(1), because Node cannot issue certificates. */
export interface Authority extends Certified {
  issue(wishes?: CertificateWishes): Promise<Certified>;
}

const run = promisify(execFile);
const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
const THIS_MACHINE = ['DNS:localhost', 'IP:127.0.0.1'];

/** Makes an authority. Its certificate is self-signed: it serves as a server's own, too. */
export async function createAuthority(name = 'Test Authority'): Promise<Authority> {
  const own = await inFolder(async (file) => {
    const made = ['-newkey', ...P256, '-nodes', '-keyout', file('key'), '-out', file('cert'), '-days', '3650'];
    await run('openssl', [
      'req',
      '-x509',
      ...made,
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=${THIS_MACHINE}`,
    ]);
    return read(file);
  });
  return { ...own, issue: (wishes) => issue(own, wishes) };
}

function issue(authority: Certified, wishes: CertificateWishes = {}): Promise<Certified> {
  const { name = 'localhost', altNames = THIS_MACHINE, days = 365, key, newKey = P256 } = wishes;
  return inFolder(async (file) => {
    await writeFile(file('ca.cert'), authority.cert);
    await writeFile(file('ca.key'), authority.key);
    await writeFile(file('extensions'), `subjectAltName=${altNames.join(',')}\n`);
    if (key !== undefined) await writeFile(file('key'), key);
    const keyOptions = key === undefined ? ['-newkey', ...newKey, '-nodes', '-keyout'] : ['-key'];
    await run('openssl', ['req', '-new', ...keyOptions, file('key'), '-out', file('request'), '-subj', `/CN=${name}`]);
    const signer = ['-CA', file('ca.cert'), '-CAkey', file('ca.key'), '-CAcreateserial'];
    const facts = ['-days', String(days), '-extfile', file('extensions')];
    await run('openssl', ['x509', '-req', '-in', file('request'), '-out', file('cert'), ...signer, ...facts]);
    return read(file);
  });
}

const read = async (file: (name: string) => string): Promise<Certified> => ({
  cert: await readFile(file('cert'), 'utf8'),
  key: await readFile(file('key'), 'utf8'),
});

async function inFolder<T>(work: (file: (name: string) => string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  try {
    return await work((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
}
