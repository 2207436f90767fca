import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { readJson } from './files.mjs';
import { portHolder } from './ports.mjs';
import { endProcess, isAlive, isOurs } from './processes.mjs';
import { STOP_ORDER } from './services.mjs';

/** A killed launcher cannot end its children, and they do not notice: the next start does it. */
const WITHIN_MS = 5_000;

/**
 * @param {string} home
 * @returns {Record<string, number>} pids of the last run, by name
 */
function rememberedPids(home) {
  const run = readJson(join(home, 'run.json'));
  /** @type {Record<string, number>} */
  const pids = {};
  for (const [name, entry] of Object.entries(run !== null && typeof run === 'object' ? run : {})) {
    if (Number.isSafeInteger(entry?.pid)) pids[name] = entry.pid;
  }
  return pids;
}

/**
 * Ends what a killed launcher left running: what its run.json names, and whatever of ours still holds a
 * port that is wanted now. Strangers are never touched.
 *
 * @param {{ home: string, marks: Record<string, string[]>, ports: number[] }} options
 * @returns {Promise<string[]>} the names of those that were ended
 */
export async function endOrphans({ home, marks, ports }) {
  const pids = rememberedPids(home);
  const holders = ports.map(portHolder).filter((pid) => pid !== undefined);
  /** @type {string[]} */
  const ended = [];
  for (const group of STOP_ORDER) {
    const results = await Promise.all(
      group.map(async (name) => {
        const candidates = new Set([pids[name], ...holders].filter((pid) => pid !== undefined));
        const found = [...candidates].filter((pid) => isAlive(pid) && isOurs(pid, marks[name] ?? [], home));
        const signal = name === 'postgres' ? 'SIGINT' : 'SIGTERM';
        await Promise.all(found.map((pid) => endProcess(pid, signal, WITHIN_MS)));
        return found.length > 0 ? [name] : [];
      }),
    );
    ended.push(...results.flat());
  }
  rmSync(join(home, 'run.json'), { force: true });
  return ended;
}
