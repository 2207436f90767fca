import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeTree, runForeign } from './child.mjs';
import { LaunchError } from './errors.mjs';
import { readIfThere, writeWhole } from './files.mjs';
import { defaultSharedCache, findOnPath, isProgram } from './tools.mjs';

/** Other versions make other cases: what is found must be found again. */
const VERSION = '4.32.5';
const PACKAGES = [`schemathesis==${VERSION}`, 'hypothesis==6.170.17', 'jsonschema_rs==0.60.3'];
const PIP_FLAGS = [
  '--disable-pip-version-check',
  '--no-input',
  '--quiet',
  // A package built from source would run its code here, and might need a compiler.
  '--only-binary',
  ':all:',
  '--retries',
  '2',
  '--timeout',
  '20',
];
const LIMIT_MS = 300_000;

/**
 * The program that fuzzes an API along its OpenAPI document, in a Python environment of its own: in the user's shared
 * cache, or where there is none in HOLDFAST_HOME. It is made when it is missing.
 *
 * @param {object} options
 * @param {string} options.home HOLDFAST_HOME
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {(text: string) => void} [options.note] hears what is under way
 * @param {AbortSignal | undefined} [options.signal]
 * @param {string | undefined} [options.sharedCache] folder shared by all checkouts of this user
 * @returns {Promise<string>} the program's path
 * @throws {LaunchError} in one line, when there is no Python or it cannot install
 */
export async function findSchemathesis({ home, env = process.env, note = () => {}, signal, ...given }) {
  const shared = 'sharedCache' in given ? given.sharedCache : defaultSharedCache(env);
  const folder = join(shared === undefined ? home : dirname(shared), `schemathesis-${VERSION}`);
  const program = join(folder, 'bin', 'schemathesis');
  // Written last, so that an environment that was left half-made is made anew.
  const finished = join(folder, 'finished');
  if (readIfThere(finished) === VERSION && isProgram(program)) return program;
  const python = findOnPath('python3', env) ?? findOnPath('python', env);
  if (python === undefined) throw new LaunchError('there is no Python 3 on the PATH; install it, with venv');
  removeTree(folder);
  mkdirSync(dirname(folder), { recursive: true });
  note(`installing schemathesis ${VERSION} through pip`);
  try {
    await run(python, ['-m', 'venv', folder], signal);
    await run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', ...PIP_FLAGS, ...PACKAGES], signal);
    await run(program, ['--version'], signal);
  } catch (error) {
    removeTree(folder);
    throw error;
  }
  writeWhole(finished, VERSION);
  return program;
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {AbortSignal | undefined} signal
 * @throws {LaunchError} with the last line of complaint
 */
async function run(command, args, signal) {
  const { code, complaint } = await runForeign(command, args, { signal, withinMs: LIMIT_MS });
  if (code === 0) return;
  const last = complaint.trim().split('\n').at(-1) || `it ended with ${code}`;
  throw new LaunchError(`${command} ${args.slice(0, 3).join(' ')}: ${last}`);
}
