import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf, LaunchError } from './errors.mjs';
import { readIfThere } from './files.mjs';
import { isAlive, startOf } from './processes.mjs';

/**
 * @param {string | undefined} text
 * @returns {{ pid: number, started: string } | undefined}
 */
function parseLock(text) {
  try {
    const { pid, started } = JSON.parse(text ?? '');
    return Number.isSafeInteger(pid) && typeof started === 'string' ? { pid, started } : undefined;
  } catch {
    // Not a lock that this code wrote; nobody can be holding it.
    return undefined;
  }
}

/**
 * @param {{ pid: number, started: string } | undefined} owner
 * @returns {boolean} whether the very process that took the lock still runs; its pid alone may be a
 * stranger's by now
 */
function isHeld(owner) {
  return owner !== undefined && isAlive(owner.pid) && startOf(owner.pid) === owner.started;
}

/**
 * One launcher per HOLDFAST_HOME. A lock left behind by a killed launcher is taken over.
 *
 * @param {string} home
 * @returns {() => void} gives it back
 * @throws {LaunchError} when another launcher runs on this folder
 */
export function takeLock(home) {
  const path = `${home}/lock`;
  const text = JSON.stringify({ pid: process.pid, started: startOf(process.pid) });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, text);
  try {
    // link() fails when the name exists, and the file it names is complete from its first moment on.
    while (!tryLink(draft, path)) {
      const found = readIfThere(path);
      const owner = parseLock(found);
      if (isHeld(owner)) {
        throw new LaunchError(
          `Another \`npm start\` (pid ${owner?.pid}) runs on HOLDFAST_HOME ${home}: end it first, or set HOLDFAST_HOME (and the ports) for a second one.`,
        );
      }
      removeStale(path, found);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (readIfThere(path) === text) rmSync(path, { force: true });
  };
}

/**
 * @param {string} from
 * @param {string} to
 * @returns {boolean}
 */
function tryLink(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Two launchers may find the same stale lock at once; the slower one must not remove the lock that the
 * faster one has just taken, so what was moved away is looked at again.
 *
 * @param {string} path
 * @param {string | undefined} stale
 */
function removeStale(path, stale) {
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if (readIfThere(aside) !== stale) tryLink(aside, path);
  rmSync(aside, { force: true });
}
