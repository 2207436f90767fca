import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { describeEnding, lastLines, rotateLog, startChild, stopChild } from './child.mjs';
import { LaunchError, textOf } from './errors.mjs';
import { writeWhole } from './files.mjs';
import { until } from './wait.mjs';

/**
 * A child that is kept running.
 *
 * @typedef {object} ServiceOptions
 * @property {string} name key in run.json and name of its log
 * @property {number} port
 * @property {string} url
 * @property {(pid: number) => Promise<boolean>} isReady
 * @property {number} readyWithinMs
 * @property {NodeJS.Signals[]} stopSignals in the order they are tried, before SIGKILL
 * @property {number} stopWithinMs
 * @property {() => Promise<void>} [beforeStart] what must be put right before each start
 * @property {(signal: AbortSignal | undefined) => Promise<void>} [afterReady] what must be said to it after each start
 *
 * @typedef {import('./child.mjs').Command & ServiceOptions} Service
 *
 * @typedef {object} Kept
 * @property {Service} service
 * @property {import('./child.mjs').Child | undefined} child
 * @property {Promise<void>} loop
 *
 * @typedef {object} Delays
 * @property {number} firstMs pause before the second start in a row; before the first one there is none
 * @property {number} longestMs the pause doubles up to this
 * @property {number} healthyAfterMs who has run this long is healthy: its next death counts as the first
 */

/** "Started again within seconds": so the pause never grows beyond five. */
const DELAYS = { firstMs: 250, longestMs: 5_000, healthyAfterMs: 20_000 };
/** A child that was killed while it started is started again; one that ended itself has said why. */
const FIRST_START_TRIES = 3;

/** For those who read run.json with their eyes: what others rest on comes first. */
const RUN_ORDER = ['postgres', 'temporal', 'worker', 'api', 'sandbox'];

/**
 * Keeps children running, and run.json true.
 */
export class Supervisor {
  #home;
  #report;
  #delays;
  #stopping = new AbortController();
  /** @type {Kept[]} */
  #all = [];

  /**
   * @param {{ home: string, report: import('./report.mjs').Report, delays?: Delays }} options
   */
  constructor({ home, report, delays = DELAYS }) {
    this.#home = home;
    this.#report = report;
    this.#delays = delays;
  }

  /**
   * Starts a child and keeps it running from then on.
   *
   * @param {Service} service
   * @param {AbortSignal} [signal] gives up waiting; the child is then ended by `stop`
   * @throws {LaunchError} when it ends by itself, or is not ready in time, at this first start
   */
  async run(service, signal) {
    rotateLog(this.#logOf(service.name));
    /** @type {Kept} */
    const kept = { service, child: undefined, loop: Promise.resolve() };
    this.#all.push(kept);
    const child = await this.#firstStart(kept, signal);
    kept.loop = this.#keepRunning(kept, child).catch((/** @type {unknown} */ error) => {
      // stop() ends the loop by aborting its pause; anything else is a bug of ours.
      if (!this.#stopping.signal.aborted) throw error;
    });
  }

  /**
   * Ends the children, group by group, those of one group together; what no group names goes first.
   *
   * @param {string[][]} order
   */
  async stop(order) {
    this.#stopping.abort();
    const named = new Set(order.flat());
    const rest = this.#all.map(({ service }) => service.name).filter((name) => !named.has(name));
    for (const group of [rest, ...order]) {
      await Promise.all(this.#all.filter(({ service }) => group.includes(service.name)).map(stopOne));
    }
    await Promise.all(this.#all.map(({ loop }) => loop));
    rmSync(this.#runFile, { force: true });
  }

  /** Ends all of them at once, without waiting for their good-byes. */
  killAll() {
    this.#stopping.abort();
    for (const { child } of this.#all) child?.signal('SIGKILL');
  }

  get #runFile() {
    return `${this.#home}/run.json`;
  }

  /** @param {string} name */
  #logOf(name) {
    return `${this.#home}/logs/${name}.log`;
  }

  #writeRunFile() {
    /** @type {Record<string, { pid: number, port: number, url: string }>} */
    const run = {};
    const rank = (/** @type {Kept} */ { service }) => RUN_ORDER.indexOf(service.name);
    for (const { service, child } of this.#all.toSorted((a, b) => rank(a) - rank(b))) {
      if (child !== undefined) run[service.name] = { pid: child.pid, port: service.port, url: service.url };
    }
    try {
      // Its owner's alone: it holds the database's URL with its password.
      writeWhole(this.#runFile, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
    } catch (error) {
      // A full disk must not end what still runs.
      this.#report.warn(`${this.#runFile} could not be written: ${textOf(error)}`);
    }
  }

  /**
   * @param {Kept} kept
   * @param {import('./child.mjs').Child} child
   */
  async #forgetWhenEnded(kept, child) {
    await child.ended;
    if (kept.child !== child) return;
    kept.child = undefined;
    this.#writeRunFile();
  }

  /**
   * @param {Kept} kept
   * @returns {Promise<import('./child.mjs').Child>}
   */
  async #spawn(kept) {
    await kept.service.beforeStart?.();
    this.#stopping.signal.throwIfAborted();
    const child = startChild(kept.service, this.#logOf(kept.service.name));
    if (child.pid !== 0) {
      kept.child = child;
      this.#writeRunFile();
      void this.#forgetWhenEnded(kept, child);
    }
    return child;
  }

  /**
   * @param {Kept} kept
   * @param {AbortSignal | undefined} signal
   */
  async #firstStart(kept, signal) {
    const { name, readyWithinMs } = kept.service;
    const log = this.#logOf(name);
    for (let tries = 1; ; tries += 1) {
      const child = await this.#spawn(kept);
      const state = await waitReady(kept.service, child, signal);
      if (state === 'ready') return child;
      const ending = child.ending();
      if (ending?.signal && tries < FIRST_START_TRIES) continue;
      const why =
        ending === undefined ? `is not ready after ${readyWithinMs / 1_000} s` : describeEnding(ending);
      throw new LaunchError(`${name} ${why}; its log is ${log}:`, { details: lastLines(log) });
    }
  }

  /**
   * @param {Kept} kept
   */
  async #startAgain(kept) {
    const { name } = kept.service;
    const child = await this.#spawn(kept);
    const state = await waitReady(kept.service, child, this.#stopping.signal);
    if (state === 'ready') this.#report.line(`  ok ${name} runs again (pid ${child.pid})`);
    if (state === 'slow') this.#report.warn(`${name} runs again (pid ${child.pid}) but is not ready yet`);
    return child;
  }

  /**
   * @param {string} name
   * @param {import('./child.mjs').Ending} ending
   * @param {number} pauseMs
   */
  #tellEnding(name, ending, pauseMs) {
    const log = this.#logOf(name);
    const when = pauseMs === 0 ? '' : ` in ${pauseMs / 1_000} s`;
    this.#report.warn(`${name} ${describeEnding(ending)}; it is started again${when}. From ${log}:`);
    for (const line of lastLines(log, 4)) this.#report.line(`       ${line}`);
  }

  /**
   * @param {Kept} kept
   * @param {import('./child.mjs').Child} first
   */
  async #keepRunning(kept, first) {
    const { name } = kept.service;
    const { signal } = this.#stopping;
    /** @type {import('./child.mjs').Child | undefined} */
    let child = first;
    let startedAt = performance.now();
    let pauseMs = 0;
    for (;;) {
      const ending = await child?.ended;
      if (signal.aborted) return;
      if (performance.now() - startedAt > this.#delays.healthyAfterMs) pauseMs = 0;
      if (ending !== undefined) this.#tellEnding(name, ending, pauseMs);
      await delay(pauseMs, undefined, { signal });
      pauseMs = pauseMs === 0 ? this.#delays.firstMs : Math.min(pauseMs * 2, this.#delays.longestMs);
      startedAt = performance.now();
      try {
        child = await this.#startAgain(kept);
      } catch (error) {
        if (signal.aborted) return;
        this.#report.warn(`${name} could not be started again: ${textOf(error)}`);
        child = kept.child;
      }
    }
  }
}

/**
 * @param {Service} service
 * @param {import('./child.mjs').Child} child
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<'ready' | 'ended' | 'slow'>}
 */
async function waitReady(service, child, signal) {
  let ready = false;
  const decided = await until(
    async () => {
      ready = child.ending() === undefined && (await service.isReady(child.pid));
      return ready || child.ending() !== undefined;
    },
    { withinMs: service.readyWithinMs, signal },
  );
  if (!ready || child.ending() !== undefined) return decided ? 'ended' : 'slow';
  await service.afterReady?.(signal);
  return 'ready';
}

/**
 * @param {Kept} kept
 */
async function stopOne({ child, service }) {
  if (child === undefined) return;
  await stopChild(child, { signals: service.stopSignals, withinMs: service.stopWithinMs });
}
