import { join } from 'node:path';
import { describeEnding, lastLines, startChild, stopChild } from './child.mjs';
import { LaunchError } from './errors.mjs';
import { sharedGuard } from './guard.mjs';
import { until } from './wait.mjs';

/**
 * @typedef {object} Running
 * @property {number} pid
 * @property {number} port
 * @property {string} url
 * @property {string} logFile
 * @property {Promise<import('./child.mjs').Ending>} ended
 * @property {() => Promise<void>} stop ends it as it likes to be ended
 * @property {() => Promise<void>} kill ends it by SIGKILL, as a crash does
 */

/**
 * Starts a service without keeping it running. It ends with the process that started it, however that ends.
 *
 * @param {import('./supervisor.mjs').Service} service
 * @param {string} home its log goes to `<home>/logs/<name>.log`
 * @returns {Promise<Running>} once it is ready
 * @throws {LaunchError} when it ends, or is not ready in time
 */
export async function startOnce(service, home) {
  const { name, port, url, stopSignals, stopWithinMs, readyWithinMs } = service;
  const logFile = join(home, 'logs', `${name}.log`);
  await service.beforeStart?.();
  const child = startChild(service, logFile);
  if (child.pid !== 0) sharedGuard().watch(child.pid, stopSignals[0]);
  const stop = () => stopChild(child, { signals: stopSignals, withinMs: stopWithinMs });
  try {
    let ready = false;
    await until(async () => (ready = await service.isReady(child.pid)) || child.ending() !== undefined, {
      withinMs: readyWithinMs,
      everyMs: 20,
    });
    const ending = child.ending();
    if (!ready || ending !== undefined) {
      const why =
        ending === undefined ? `is not ready after ${readyWithinMs / 1_000} s` : describeEnding(ending);
      throw new LaunchError(`${name} ${why}; its log is ${logFile}:`, { details: lastLines(logFile) });
    }
    await service.afterReady?.(undefined);
  } catch (error) {
    if (child.ending() === undefined) await stop();
    throw error;
  }
  return {
    pid: child.pid,
    port,
    url,
    logFile,
    ended: child.ended,
    stop,
    kill: () => stopChild(child, { signals: [], withinMs: stopWithinMs }),
  };
}
