import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, homeError, LaunchError } from './errors.mjs';

/** Below this the database could not grow by its first write-ahead segments, nor a download be kept. */
const LEAST_FREE_BYTES = 300 * 1024 * 1024;

/**
 * Whole or not at all: a reader, or the next start after a crash, never meets half a file.
 *
 * @param {string} path
 * @param {string} text
 * @param {{ mode?: number }} [options]
 */
export function writeWhole(path, text, { mode = 0o644 } = {}) {
  const draft = `${path}.${process.pid}.tmp`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(draft, text, { mode });
  renameSync(draft, path);
}

/**
 * @param {string} path
 * @returns {string | undefined} undefined when there is no such file
 */
export function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {unknown} undefined when there is no such file, or it is not JSON
 */
export function readJson(path) {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // These files are written whole, so one that is not JSON was edited by hand: it counts as absent.
    return undefined;
  }
}

/**
 * @param {string} path
 * @param {() => string} make
 * @returns {{ value: string, isNew: boolean }} a secret kept for its owner's eyes only
 */
export function keepSecret(path, make) {
  const known = readIfThere(path)?.trim();
  if (known) return { value: known, isNew: false };
  const value = make();
  writeWhole(path, `${value}\n`, { mode: 0o600 });
  return { value, isNew: true };
}

/**
 * @param {string} [prefix]
 * @returns {string} 256 random bits as text that needs no quoting in a URL, in SQL or in a shell
 */
export function randomSecret(prefix = '') {
  return prefix + randomBytes(32).toString('base64url');
}

/**
 * As `mkdir -p`. Node's own way never ends below /proc, where a new folder is "not found" (20.20, 24).
 *
 * @param {string} path
 */
function makeFolders(path) {
  if (existsSync(path)) return;
  makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * Makes HOLDFAST_HOME and proves that it can be written.
 *
 * @param {string} home
 * @throws {LaunchError} when it cannot, or the disk is full
 */
export function openHome(home) {
  const probe = `${home}/.write-test.${process.pid}`;
  try {
    makeFolders(`${home}/logs`);
    writeFileSync(probe, 'x');
    rmSync(probe);
  } catch (error) {
    throw homeError(error, home, { opening: true });
  }
  const { bavail, bsize } = statfsSync(home);
  if (bavail * bsize < LEAST_FREE_BYTES) {
    const free = Math.floor((bavail * bsize) / 1024 / 1024);
    throw new LaunchError(
      `Only ${free} MB of disk space left for HOLDFAST_HOME (${home}), at least 300 MB are needed: free some, or set HOLDFAST_HOME to another disk.`,
    );
  }
}

/**
 * Ports that nobody chose are kept from run to run, so that what was written down stays true.
 *
 * @param {string} home
 */
export function rememberedPorts(home) {
  const path = `${home}/ports.json`;
  const known = readJson(path);
  /** @type {Record<string, number>} */
  const ports = {};
  for (const [name, port] of Object.entries(known !== null && typeof known === 'object' ? known : {})) {
    if (Number.isInteger(port) && port > 0 && port < 65_536) ports[name] = port;
  }
  return {
    /**
     * @param {string} name
     * @returns {number | undefined}
     */
    get: (name) => ports[name],
    /**
     * @param {string} name
     * @param {number} port
     */
    keep(name, port) {
      if (ports[name] === port) return;
      ports[name] = port;
      writeWhole(path, `${JSON.stringify(ports)}\n`);
    },
  };
}

/**
 * @param {string} path
 * @returns {boolean}
 */
export const isThere = (path) => existsSync(path);
