import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from './child.mjs';
import { codeOf, LaunchError } from './errors.mjs';
import { isThere, readIfThere, writeWhole } from './files.mjs';

/**
 * @typedef {import('./pg-binaries.mjs').Account} Account
 */

/** @type {[string, ...string[]]} */
const NEW_ACCOUNT = [
  'useradd',
  '--system',
  '--user-group',
  '--no-create-home',
  '--shell',
  '/bin/false',
  'holdfast',
];

/**
 * @param {string} name
 * @returns {Account | undefined}
 */
function accountNamed(name) {
  try {
    /** @param {string} flag */
    const id = (flag) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    // `id` ends with 1 when there is no such user.
    return undefined;
  }
}

/**
 * PostgreSQL refuses to run as root, and initdb refuses a uid without a name. In this order: whoever owns
 * the data already, `postgres`, a system user `holdfast` (made if the system can), `nobody`.
 *
 * @param {string | undefined} data existing data folder
 * @returns {Account} empty when we are not root: then it runs as ourselves
 */
export function chooseAccount(data) {
  const me = process.getuid?.() ?? -1;
  const owner = data === undefined ? undefined : statSync(data);
  if (me !== 0) {
    if (owner !== undefined && owner.uid !== me) {
      throw new LaunchError(
        `The database in ${data} belongs to another user (uid ${owner.uid}): start as before, or set HOLDFAST_HOME to another folder.`,
      );
    }
    return {};
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const known = accountNamed('postgres') ?? accountNamed('holdfast');
  if (known !== undefined) return known;
  const [command, ...args] = NEW_ACCOUNT;
  spawnSync(command, args, { stdio: 'ignore' });
  const account = accountNamed('holdfast') ?? accountNamed('nobody');
  if (account !== undefined) return account;
  throw new LaunchError(
    'PostgreSQL does not run as root, and there is no other user here: start as an ordinary user, or set DATABASE_URL.',
  );
}

/**
 * @param {string} folder
 * @param {Account} account
 * @returns {boolean}
 */
function canEnter(folder, account) {
  return (
    spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/', stdio: 'ignore' })
      .status === 0
  );
}

/** @param {string} home */
const pointerOf = (home) => join(home, 'postgres-data');

/**
 * @param {string} home
 * @returns {string | undefined} the folder that holds the database of this HOLDFAST_HOME, when it was made
 */
export function knownHolder(home) {
  const holder = readIfThere(pointerOf(home))?.trim() || join(home, 'postgres');
  return isThere(join(holder, 'data')) ? holder : undefined;
}

/**
 * A folder outside HOLDFAST_HOME whose pointer is gone belonged to a HOLDFAST_HOME that was deleted:
 * starting on it would bring back what the user threw away. It is set aside, one such folder is kept.
 *
 * @param {string} holder
 */
function setAside(holder) {
  if (!isThere(holder)) return;
  removeTree(`${holder}.old`);
  renameSync(holder, `${holder}.old`);
}

/**
 * @param {string} home a real path
 * @param {Account} account
 * @returns {string} a folder that the account owns and can reach: in HOLDFAST_HOME, or, when that is closed
 * to it, beside the system's own data with a pointer file in HOLDFAST_HOME
 */
export function makeHolder(home, account) {
  const inside = join(home, 'postgres');
  if (account.uid === undefined || account.gid === undefined || canEnter(home, account)) {
    mkdirSync(inside, { recursive: true, mode: 0o700 });
    if (account.uid !== undefined && account.gid !== undefined) chownSync(inside, account.uid, account.gid);
    return inside;
  }
  const name = `holdfast-data-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`;
  // /var/lib first: what lies in /var/tmp for a month is removed by many systems.
  for (const parent of ['/var/lib', '/var/tmp']) {
    const holder = join(parent, name);
    try {
      setAside(holder);
      mkdirSync(holder, { mode: 0o700 });
    } catch (error) {
      if (['EROFS', 'ENOENT', 'EACCES', 'EPERM'].includes(codeOf(error))) continue;
      throw error;
    }
    chownSync(holder, account.uid, account.gid);
    if (!canEnter(holder, account)) continue;
    writeWhole(pointerOf(home), `${holder}\n`);
    return holder;
  }
  throw new LaunchError(
    `PostgreSQL runs as uid ${account.uid}, which cannot reach HOLDFAST_HOME (${home}): set HOLDFAST_HOME to a folder that every user can enter.`,
  );
}

/**
 * Deletes the database of a HOLDFAST_HOME, wherever it lies. For tests, whose homes are thrown away.
 *
 * @param {string} home
 */
export function removeData(home) {
  const holder = knownHolder(home);
  if (holder !== undefined) removeTree(holder);
}
