import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { removeTree } from './child.mjs';
import { findChromium } from './chromium.mjs';
import { LaunchError } from './errors.mjs';
import { openHome, readJson } from './files.mjs';
import { ensurePackages } from './packages.mjs';
import { commandOf, endProcess, pidsWithEnvironment } from './processes.mjs';
import { createReport, seconds } from './report.mjs';
import { findSchemathesis } from './schemathesis.mjs';
import { findTemporal, findTestServer } from './temporal.mjs';
import { until } from './wait.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The quickest first: what fails early is known early. */
const CHECKS = [
  { name: 'Format', script: 'prettier/bin/prettier.cjs', args: ['--check', '--log-level=warn', '.'] },
  { name: 'Lint', script: 'oxlint/bin/oxlint', args: ['--type-aware'] },
  { name: 'Types', script: 'typescript/bin/tsc', args: ['--noEmit'] },
  { name: 'Unused code', script: 'knip/bin/knip.js', args: [] },
];

/** A run must not depend on, nor touch, what the developer's shell is set up for. */
const NOT_FOR_TESTS =
  /^(PORT|HOST|PUBLIC_URL|DATABASE_URL|MIGRATION_DATABASE_URL|HOLDFAST_.*|SANDBOX_.*|TEMPORAL_.*|ADMIN_API_KEY|LEGACY_AUTH|CAMPUS_.*|COURSE_.*|NODE_ENV|LOG_LEVEL|PAYLOAD_KEY|TRUST_PROXY|(ALIPAY|WECHAT|PINGPP|STRIPE)_.*)$/;
/** Servers that are just being ended need a moment. */
const LEFTOVER_GRACE_MS = 10_000;

/**
 * @param {string[]} argv `--full` adds the long tests; everything else goes to vitest
 * @returns {Promise<never>}
 */
export async function main(argv) {
  const report = createReport();
  const full = argv.includes('--full');
  const run = { mark: randomUUID(), interrupt: new AbortController() };
  let result = { passed: 0, failed: 1 };
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => run.interrupt.abort(new LaunchError(`Ended by ${signal}.`)));
  }
  try {
    await ensurePackages(ROOT, { withDev: true, report, signal: run.interrupt.signal });
    const failed = await runChecks(report, run);
    if (failed > 0) {
      result = { passed: 0, failed };
    } else {
      const found = await prepareTools(report, run.interrupt.signal);
      const tools = full ? { ...found, ...(await prepareFuzzer(report, run.interrupt.signal)) } : found;
      result = await runVitest(
        argv.filter((arg) => arg !== '--full'),
        { full, tools, report, run },
      );
    }
  } catch (error) {
    if (error instanceof LaunchError) {
      report.warn(error.message);
      for (const line of error.details) report.line(`       ${line}`);
    } else {
      console.error(error);
    }
  }
  await endLeftovers(report, run.mark);
  report.close();
  console.log(`${result.passed} passed, ${result.failed} failed`);
  process.exit(result.failed === 0 && result.passed > 0 ? 0 : 1);
}

/**
 * @typedef {{ mark: string, interrupt: AbortController }} Run
 * @typedef {import('./report.mjs').Report} Report
 */

/**
 * @param {Report} report
 * @param {string} title
 */
function section(report, title) {
  report.line();
  report.line(`== ${title}`);
}

/**
 * @param {Report} report
 * @param {Run} run
 * @returns {Promise<number>} how many of the checks failed
 */
async function runChecks(report, run) {
  let failed = 0;
  for (const { name, script, args } of CHECKS) {
    section(report, name);
    const since = performance.now();
    const code = await runNode(script, args, cleanEnvironment(run), run.interrupt.signal);
    if (code !== 0) failed += 1;
    report.line(`  ${code === 0 ? 'ok' : '!!'} ${name} (${seconds(since)})`);
  }
  if (failed > 0) report.warn('The tests are not run before these pass.');
  return failed;
}

/**
 * @param {Report} report
 * @param {AbortSignal} signal
 * @returns {Promise<NodeJS.ProcessEnv>} where the tests find the programs that no npm package ships
 */
async function prepareTools(report, signal) {
  section(report, 'Tools');
  const home = join(ROOT, '.holdfast');
  openHome(home);
  const step = report.step('Temporal, its test server, Chromium');
  /** @param {string} text */
  const note = (text) => step.note(text);
  try {
    const temporal = await findTemporal({ home, note, signal });
    const testServer = await findTestServer({ home, note, signal });
    const chromium = findChromium(process.env, note);
    step.done();
    return {
      TEMPORAL_CLI_PATH: temporal.path,
      TEMPORAL_TEST_SERVER_PATH: testServer.path,
      CHROMIUM_PATH: chromium,
    };
  } catch (error) {
    step.fail('missing');
    throw error;
  }
}

/**
 * The one tool that a full run can do without: its own test is left out then, and this says so.
 *
 * @param {Report} report
 * @param {AbortSignal} signal
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function prepareFuzzer(report, signal) {
  const step = report.step('Schemathesis');
  try {
    const note = (/** @type {string} */ text) => step.note(text);
    const path = await findSchemathesis({ home: join(ROOT, '.holdfast'), note, signal });
    step.done();
    return { HOLDFAST_TEST_SCHEMATHESIS: path };
  } catch (error) {
    if (!(error instanceof LaunchError) || signal.aborted) throw error;
    step.fail(`the API is not fuzzed along its OpenAPI document: ${error.message}`);
    return {};
  }
}

/**
 * @param {string[]} args
 * @param {{ full: boolean, tools: NodeJS.ProcessEnv, report: Report, run: Run }} options
 * @returns {Promise<{ passed: number, failed: number }>}
 */
async function runVitest(args, { full, tools, report, run }) {
  section(report, full ? 'Tests, the long ones too' : 'Tests');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tests-'));
  const results = join(folder, 'results.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`];
    const env = { ...cleanEnvironment(run), ...tools, ...(full ? { HOLDFAST_TEST_FULL: '1' } : {}) };
    const code = await runNode(
      'vitest/vitest.mjs',
      ['run', ...reporters, ...args],
      env,
      run.interrupt.signal,
    );
    const counts = readCounts(readJson(results));
    if (counts === undefined) {
      report.warn('vitest wrote no results.');
      return { passed: 0, failed: 1 };
    }
    if (counts.passed + counts.failed === 0) report.warn('No test was run.');
    // vitest also fails for what is no test's: a file that does not load, an error that nobody caught.
    return code === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
  } finally {
    removeTree(folder);
  }
}

/**
 * @param {unknown} results
 * @returns {{ passed: number, failed: number } | undefined}
 */
function readCounts(results) {
  if (results === null || typeof results !== 'object') return undefined;
  if (!('numPassedTests' in results) || !('numFailedTests' in results)) return undefined;
  const { numPassedTests: passed, numFailedTests: failed } = results;
  return typeof passed === 'number' && typeof failed === 'number' ? { passed, failed } : undefined;
}

/**
 * @param {Run} run
 * @returns {NodeJS.ProcessEnv} the environment of everything that is run, by which it is found again
 */
function cleanEnvironment({ mark }) {
  const kept = Object.entries(process.env).filter(([name]) => !NOT_FOR_TESTS.test(name));
  return { ...Object.fromEntries(kept), HOLDFAST_TEST_RUN: mark };
}

/**
 * @param {string} script below node_modules
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @param {AbortSignal} signal
 * @returns {Promise<number>} exit code; 1 when it was ended by a signal
 */
function runNode(script, args, env, signal) {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    // Asked to end, vitest first ends what its tests have started.
    const pass = () => child.kill('SIGTERM');
    signal.addEventListener('abort', pass, { once: true });
    child.once('error', reject);
    child.once('exit', (code) => {
      signal.removeEventListener('abort', pass);
      if (signal.aborted) reject(signal.reason);
      else resolve(code ?? 1);
    });
  });
}

/**
 * Nothing that a test started may outlive the run. What does is named, and ended.
 *
 * @param {Report} report
 * @param {string} mark
 */
async function endLeftovers(report, mark) {
  const left = () => pidsWithEnvironment(`HOLDFAST_TEST_RUN=${mark}`);
  if (await until(() => left().length === 0, { withinMs: LEFTOVER_GRACE_MS })) return;
  for (const pid of left())
    report.warn(`Left running by a test, and ended now: pid ${pid} (${commandOf(pid).slice(0, 120)})`);
  await Promise.all(left().map((pid) => endProcess(pid, 'SIGTERM', 5_000)));
}
