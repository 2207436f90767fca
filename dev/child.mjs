import { spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, LaunchError } from './errors.mjs';
import { sendSignal } from './processes.mjs';
import { until } from './wait.mjs';

/**
 * @typedef {object} Command
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {NodeJS.ProcessEnv} env
 * @property {string} cwd
 * @property {number} [uid]
 * @property {number} [gid]
 *
 * @typedef {object} Ending how a process ended
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {Error} [error] it could not be started at all
 *
 * @typedef {object} Child
 * @property {string} name
 * @property {number} pid 0 when it could not be started
 * @property {Promise<Ending>} ended
 * @property {() => Ending | undefined} ending undefined while it runs
 * @property {(signal: NodeJS.Signals) => void} signal
 */

/** npm, told to stop, first finishes what it is unpacking. */
const FOREIGN_GRACE_MS = 3_000;

/**
 * Starts a process of its own session, writing into a log file. Its own session, so that a Ctrl-C in the
 * terminal reaches the launcher alone, which ends the children in their order; a file and no pipe, so
 * that a child is not broken by the launcher's death.
 *
 * @param {Command} command
 * @param {string} logFile appended to
 * @returns {Child}
 */
export function startChild({ name, command, args, env, cwd, uid, gid }, logFile) {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', log, log],
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
    /** @type {Ending | undefined} */
    let ending;
    /** @type {Promise<Ending>} */
    const ended = new Promise((resolve) => {
      child.once('error', (error) => resolve((ending = { code: null, signal: null, error })));
      child.once('exit', (code, signal) => resolve((ending = { code, signal })));
    });
    return {
      name,
      pid: child.pid ?? 0,
      ended,
      ending: () => ending,
      signal: (signal) => {
        if (ending === undefined && child.pid !== undefined) sendSignal(child.pid, signal);
      },
    };
  } finally {
    closeSync(log);
  }
}

/**
 * @param {Ending} ending
 * @returns {string}
 */
export function describeEnding({ code, signal, error }) {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
}

/**
 * Asks, waits, asks louder, and at last kills.
 *
 * @param {Child} child
 * @param {{ signals: NodeJS.Signals[], withinMs: number }} how every signal but the last gets `withinMs`
 */
export async function stopChild(child, { signals, withinMs }) {
  const gone = () => child.ending() !== undefined;
  for (const signal of [...signals, /** @type {const} */ ('SIGKILL')]) {
    child.signal(signal);
    if (await until(gone, { withinMs, everyMs: 20 })) return;
  }
  throw new LaunchError(`${child.name} (pid ${child.pid}) does not end, not even by SIGKILL.`);
}

/**
 * Keeps the log of the run before this one, and no older one.
 *
 * @param {string} logFile
 */
export function rotateLog(logFile) {
  try {
    renameSync(logFile, `${logFile}.1`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * @param {string} logFile
 * @param {number} [lines]
 * @returns {string[]} its last lines that are not blank
 */
export function lastLines(logFile, lines = 8) {
  const most = 16_384;
  /** @type {number} */
  let file;
  try {
    file = openSync(logFile, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(size, most));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines)
      .map((line) => (line.length > 300 ? `${line.slice(0, 297)}...` : line));
  } finally {
    closeSync(file);
  }
}

/**
 * Runs a command to its end.
 *
 * @param {Command} command
 * @param {{ logFile: string, signal?: AbortSignal | undefined, withinMs: number }} options
 * @throws {LaunchError} with its last log lines, when it does not end with 0
 */
export async function runToEnd(command, { logFile, signal, withinMs }) {
  const child = startChild(command, logFile);
  try {
    const inTime = await until(() => child.ending() !== undefined, { withinMs, everyMs: 20, signal });
    const ending = child.ending();
    if (inTime && ending?.code === 0) return;
    const what = ending === undefined ? `did not end within ${withinMs / 1_000} s` : describeEnding(ending);
    throw new LaunchError(`${command.name} ${what}; its log is ${logFile}:`, { details: lastLines(logFile) });
  } finally {
    if (child.ending() === undefined) await stopChild(child, { signals: ['SIGTERM'], withinMs: 3_000 });
  }
}

/**
 * Runs a foreign program to its end, keeping what it complains about. It is waited for in any case: a
 * program that was told to stop and still works would be in the way of the next one.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, signal?: AbortSignal | undefined, withinMs?: number }} [options]
 * @returns {Promise<{ code: number | null, complaint: string }>} `complaint`: the end of its stderr
 * @throws the signal's reason when that is aborted, and the system's error when there is no such program
 */
export async function runForeign(command, args, { cwd = process.cwd(), signal, withinMs = 3_600_000 } = {}) {
  signal?.throwIfAborted();
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint = `${complaint}${text}`.slice(-8_000);
  });
  const stop = () => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), FOREIGN_GRACE_MS).unref();
  };
  const limit = setTimeout(stop, withinMs);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    return { code, complaint };
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * @param {string} path
 */
export function removeTree(path) {
  rmSync(path, { recursive: true, force: true });
}
