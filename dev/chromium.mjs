import { spawnSync } from 'node:child_process';
import { LaunchError } from './errors.mjs';
import { findOnPath, isProgram } from './tools.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge'];
const MAC_APPS = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];
const ADVICE = [
  'sudo apt-get install chromium      # Debian, Ubuntu',
  'sudo dnf install chromium          # Fedora',
  'brew install --cask chromium       # macOS',
  'CHROMIUM_PATH=/path/to/chromium npm test',
];

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function lookFor(env) {
  for (const name of NAMES) {
    const path = findOnPath(name, env);
    if (path !== undefined) return path;
  }
  return process.platform === 'darwin' ? MAC_APPS.find(isProgram) : undefined;
}

/**
 * The browser for the browser tests; as root on a Debian it is installed when it is missing.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {(text: string) => void} note
 * @returns {string}
 * @throws {LaunchError} with the lines to paste
 */
export function findChromium(env, note) {
  const named = env['CHROMIUM_PATH'];
  if (named) {
    if (isProgram(named)) return named;
    throw new LaunchError(
      `CHROMIUM_PATH (${named}) is not a program that can be run: correct it, or unset it.`,
    );
  }
  const found = lookFor(env);
  if (found !== undefined) return found;
  if (process.getuid?.() === 0 && findOnPath('apt-get', env) !== undefined) {
    note('installing chromium (apt-get)');
    const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const args of [
      ['update', '-qq'],
      ['install', '-y', '-qq', '--no-install-recommends', 'chromium'],
    ]) {
      spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: quiet });
    }
    const installed = lookFor(env);
    if (installed !== undefined) return installed;
  }
  throw new LaunchError('The browser tests need Chromium, which was not found; any of these lines helps:', {
    details: ADVICE,
  });
}
