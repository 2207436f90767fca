import { join } from 'node:path';
import { runForeign } from './child.mjs';
import { codeOf, LaunchError } from './errors.mjs';
import { isThere, readJson } from './files.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean, dev?: boolean, devOptional?: boolean, link?: boolean }} LockEntry
 */

/**
 * @param {string} path
 * @returns {Record<string, LockEntry> | undefined}
 */
function packagesIn(path) {
  const lock = readJson(path);
  if (lock === null || typeof lock !== 'object' || !('packages' in lock)) return undefined;
  return /** @type {Record<string, LockEntry>} */ (lock.packages);
}

/**
 * npm writes `node_modules/.package-lock.json` as the last act of an install, so a half-finished one has
 * none; and it lists what is there, so it is compared with the lock file by content: times of files say
 * nothing after a copy or a checkout.
 *
 * @param {string} root the checkout
 * @param {{ withDev: boolean }} options whether development packages must be there too
 * @returns {string} why packages must be installed; empty when all is there
 */
export function whyInstall(root, { withDev }) {
  const wanted = packagesIn(join(root, 'package-lock.json'));
  if (wanted === undefined)
    throw new LaunchError(`package-lock.json is missing in ${root}: take it from the repository again.`);
  const installed = packagesIn(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) {
    return isThere(join(root, 'node_modules')) ? 'the last install was not finished' : 'they are missing';
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const found = installed[path];
    // What is optional may be for another system; what is for development may be left out on purpose.
    const mayMiss = entry.optional || entry.devOptional || (entry.dev && !withDev);
    if (found === undefined ? !mayMiss : found.version !== entry.version)
      return 'package-lock.json has changed';
    if (found !== undefined && !isThere(join(root, path, 'package.json'))) return `${path} is gone`;
  }
  return '';
}

/**
 * Runs `npm ci` when packages are missing, half-installed or of another lock file.
 *
 * @param {string} root
 * @param {{ withDev: boolean, report: import('./report.mjs').Report, signal?: AbortSignal }} options
 * @throws {LaunchError} when npm, or the registry, cannot be reached
 */
export async function ensurePackages(root, { withDev, report, signal }) {
  const why = whyInstall(root, { withDev });
  if (why === '') return;
  const step = report.step('Installing packages');
  step.note(`${why}; npm ci`);
  const since = performance.now();
  const tick = setInterval(
    () => step.note(`npm ci, ${Math.round((performance.now() - since) / 1_000)} s`),
    5_000,
  );
  try {
    await npmCi(root, withDev, signal);
    const left = whyInstall(root, { withDev });
    if (left !== '')
      throw new LaunchError(
        `npm ci ended well, but packages are not complete (${left}): delete node_modules and start again.`,
      );
    step.done();
  } catch (error) {
    step.fail('failed');
    throw error;
  } finally {
    clearInterval(tick);
  }
}

/**
 * @param {string} root
 * @param {boolean} withDev
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
async function npmCi(root, withDev, signal) {
  // npm names itself to what it runs; that very npm is used again.
  const cli = process.env['npm_execpath'];
  const [command, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  const args = [
    ...first,
    'ci',
    '--no-fund',
    '--no-audit',
    '--loglevel=error',
    ...(withDev ? ['--include=dev'] : []),
  ];
  let result;
  try {
    result = await runForeign(command, args, { cwd: root, signal });
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new LaunchError('npm was not found: install it with Node.js, or put it on the PATH.', {
      cause: error,
    });
  }
  if (result.code !== 0) throw explain(result.complaint, result.code);
}

/**
 * @param {string} complaint
 * @param {number | null} code
 * @returns {LaunchError}
 */
export function explain(complaint, code) {
  const details = complaint
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-6);
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT|EHOSTUNREACH/.test(
      complaint,
    )
  ) {
    return new LaunchError(
      "npm ci does not reach the package registry: check the network or npm's proxy and registry settings, then start again.",
      { details },
    );
  }
  if (complaint.includes('ENOSPC'))
    return new LaunchError('No disk space left for node_modules: free some, then start again.', { details });
  if (/EACCES|EROFS|EPERM/.test(complaint))
    return new LaunchError(
      "npm ci may not write here: make the checkout (and npm's cache) writable for this user, then start again.",
      { details },
    );
  return new LaunchError(`npm ci failed (code ${code}):`, { details });
}
