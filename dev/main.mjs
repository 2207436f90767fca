import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homeError, LaunchError } from './errors.mjs';
import { createLauncher } from './launch.mjs';
import { createReport } from './report.mjs';
import { productScripts } from './services.mjs';
import { loadDotEnv, readSettings } from './settings.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/**
 * A terminal sends Ctrl-C to npm and to us, and npm sends it on, twice: what arrives this soon after the
 * first is the same key press.
 */
const SAME_KEY_PRESS_MS = 1_000;

/**
 * Runs the launcher until it is told to stop, and ends the process: with 0 when it was told to, with 1
 * when it failed.
 *
 * @param {{ root?: string, scripts?: import('./services.mjs').Scripts }} [options] stand-ins, for tests
 * @returns {Promise<never>}
 */
export async function main({ root = ROOT, scripts = productScripts(root) } = {}) {
  const report = createReport();
  let home = '';
  try {
    if (process.platform === 'win32') {
      throw new LaunchError(
        'The embedded run does not support Windows itself: use WSL 2, or `docker compose up`.',
      );
    }
    loadDotEnv(root);
    const settings = readSettings(root, process.env);
    home = settings.home;
    await runUntilStopped({ settings, scripts, report });
    report.line('Stopped.');
    process.exit(0);
  } catch (error) {
    end(report, homeError(error, home, { opening: false }));
  }
}

/**
 * @param {Omit<import('./launch.mjs').LaunchOptions, 'signal'>} options
 */
async function runUntilStopped(options) {
  const { report } = options;
  const interrupt = new AbortController();
  const launcher = createLauncher({ ...options, signal: interrupt.signal });
  const told = listen({ report, interrupt, again: () => launcher.kill() });
  try {
    await launcher.run();
    await told;
  } catch (error) {
    // Told to stop while it was starting: run() ends with the interruption, which is no failure.
    if (!interrupt.signal.aborted) {
      await launcher.stop();
      throw error;
    }
  }
  await launcher.stop();
  const { reason } = interrupt.signal;
  if (!(reason instanceof Interruption)) throw reason;
}

class Interruption extends Error {}

/**
 * @param {{ report: import('./report.mjs').Report, interrupt: AbortController, again: () => void }} options
 * @returns {Promise<void>} resolves when the process is told to stop, or has met an error nobody caught
 */
function listen({ report, interrupt, again }) {
  let firstAt = 0;
  /** @param {string} why */
  const stop = (why) => {
    const now = performance.now();
    if (firstAt === 0) {
      firstAt = now;
      report.close();
      report.line();
      report.line(`${why}: stopping (again to end everything at once).`);
      interrupt.abort(new Interruption(why));
    } else if (now - firstAt > SAME_KEY_PRESS_MS) {
      report.line('Ending everything at once.');
      again();
    }
  };
  process.on('SIGINT', () => stop('Ctrl-C'));
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGHUP', () => stop('The terminal was closed'));
  process.on('uncaughtException', (error) => interrupt.abort(error));
  watchParent(() => stop('npm has ended'));
  return new Promise((resolve) => {
    interrupt.signal.addEventListener('abort', () => resolve());
  });
}

/**
 * npm runs us in a shell. A signal to npm alone ends that shell without a word to us, so the end of our
 * parent counts as one.
 *
 * @param {() => void} ended
 */
function watchParent(ended) {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended();
  }, 500);
  timer.unref();
}

/**
 * @param {import('./report.mjs').Report} report
 * @param {unknown} error
 * @returns {never}
 */
function end(report, error) {
  report.close();
  if (error instanceof LaunchError) {
    console.error(`npm start: ${error.message}`);
    for (const line of error.details) console.error(`    ${line}`);
  } else {
    // Not foreseen, so a bug of ours: then the stack is wanted.
    console.error(error);
  }
  process.exit(1);
}
