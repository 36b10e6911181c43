import { execFileSync, spawnSync } from 'node:child_process';
import { StartError } from '../start-error.js';

/** Whom the server runs as when we are root: PostgreSQL refuses to. Undefined: as ourselves. */
export type ServerAccount = { readonly uid: number; readonly gid: number } | undefined;

/** The user `postgres` (made when it is missing) when this process is root, else nothing. */
export function serverAccount(): ServerAccount {
  if (process.getuid?.() !== 0) return undefined;
  if (spawnSync('id', ['postgres'], { stdio: 'ignore' }).status !== 0) addUser();
  const ask = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}

function addUser(): void {
  // Debian and Fedora have the first, Alpine and BusyBox systems the second.
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', 'postgres']],
    ['adduser', ['-S', '-D', '-H', 'postgres']],
  ];
  for (const [program, options] of commands) if (spawnSync(program, options, { stdio: 'ignore' }).status === 0) return;
  throw new StartError(
    'PostgreSQL refuses to run as root, and a user "postgres" for it could not be made. Start as another user, make that user, or set DATABASE_URL.',
  );
}

/** Whether the account can enter a folder. */
export function canEnter(account: ServerAccount, folder: string): boolean {
  if (!account) return true;
  return spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { ...account, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** Whether the account can run a program. */
export function canRun(account: ServerAccount, program: string): boolean {
  return spawnSync(program, ['--version'], { ...account, cwd: '/', stdio: 'ignore' }).status === 0;
}
