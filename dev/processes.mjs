import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { codeOf } from './errors.mjs';
import { until } from './wait.mjs';

const HAS_PROC = process.platform === 'linux';

/**
 * @param {string} path
 * @returns {string | undefined} undefined when the process is gone or not ours to look at
 */
function readProc(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A process may end between two looks at it, and another user's is not shown: both are "unknown".
    return undefined;
  }
}

/**
 * @param {number} pid
 * @param {string} columns as `ps -o` takes them, each ending in `=` for no heading
 * @returns {string | undefined}
 */
function ps(pid, columns) {
  try {
    return execFileSync('ps', ['-o', columns, '-ww', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // ps ends with 1 when there is no such process.
    return undefined;
  }
}

/**
 * @param {number} pid
 * @returns {boolean} false also for a zombie: it holds nothing any more and only waits for its parent
 */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if (codeOf(error) !== 'EPERM') return false;
  }
  if (HAS_PROC) return !/^\d+ \(.*\) [ZX] /s.test(readProc(`/proc/${pid}/stat`) ?? '');
  return !(ps(pid, 'state=') ?? '').startsWith('Z');
}

/**
 * A pid is given again to another process one day; a pid together with this text is not.
 *
 * @param {number} pid
 * @returns {string} when it was started, in the system's own form; empty when there is no such process
 */
export function startOf(pid) {
  if (!HAS_PROC) return ps(pid, 'lstart=') ?? '';
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === undefined) return '';
  // The name in parentheses may hold spaces; the start time is the 20th field after it, in clock ticks
  // since the machine's start (proc_pid_stat(5), field 22).
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  const boot = (readProc('/proc/sys/kernel/random/boot_id') ?? '').trim();
  return `${boot}/${ticks}`;
}

/**
 * @param {number} pid
 * @returns {string} its command line, words parted by spaces; empty when unknown
 */
export function commandOf(pid) {
  if (!HAS_PROC) return ps(pid, 'command=') ?? '';
  return (readProc(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
}

/**
 * Whether a remembered pid still is the process that was started then: the number alone may have been
 * given to a stranger since, and a stranger is never ended.
 *
 * @param {number} pid
 * @param {string[]} marks texts that our process has in its command line (its script, its data folder)
 * @param {string} home HOLDFAST_HOME of the run that started it
 * @returns {boolean}
 */
export function isOurs(pid, marks, home) {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid || marks.length === 0) return false;
  const command = commandOf(pid);
  if (!marks.every((mark) => command.includes(mark))) return false;
  // Two runs of one checkout differ in their HOLDFAST_HOME alone, which the command line of a script
  // does not show. Where its environment can be read, that decides.
  const environment = HAS_PROC ? readProc(`/proc/${pid}/environ`) : undefined;
  const theirs = environment?.split('\0').find((entry) => entry.startsWith('HOLDFAST_HOME='));
  return theirs === undefined || theirs === `HOLDFAST_HOME=${home}`;
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 * @returns {boolean} false when there is no such process
 */
export function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false;
    throw error;
  }
}

/**
 * Ends a process that is no child of ours: asks, waits, then kills.
 *
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 * @param {number} withinMs
 */
export async function endProcess(pid, signal, withinMs) {
  const gone = () => !isAlive(pid);
  if (!sendSignal(pid, signal)) return;
  if (await until(gone, { withinMs })) return;
  sendSignal(pid, 'SIGKILL');
  await until(gone, { withinMs: 5_000 });
}

/**
 * @returns {number[]} every process the system shows; empty where there is no /proc
 */
export function allPids() {
  if (!HAS_PROC) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/**
 * @param {string} folder
 * @returns {number[]} the processes that work in that folder (Linux; elsewhere none are known)
 */
export function pidsWorkingIn(folder) {
  return allPids().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === folder;
    } catch {
      // Gone meanwhile, or another user's.
      return false;
    }
  });
}

/**
 * @param {string} entry `NAME=value`
 * @returns {number[]} the processes that have it in their environment (Linux; elsewhere none are known)
 */
export function pidsWithEnvironment(entry) {
  return allPids().filter(
    (pid) =>
      pid !== process.pid &&
      isAlive(pid) &&
      (readProc(`/proc/${pid}/environ`) ?? '').split('\0').includes(entry),
  );
}

/**
 * `npm test` finds what its tests left running by this variable, so every process must hand it down.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function testRunMark() {
  const mark = process.env['HOLDFAST_TEST_RUN'];
  return mark === undefined ? {} : { HOLDFAST_TEST_RUN: mark };
}
