/** CPU and memory of processes, as Linux counts them under /proc; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';
import { allPids } from '../dev/processes.mjs';

export const CAN_MEASURE_PROCESSES = process.platform === 'linux';

// USER_HZ is 100 on every architecture that Node runs on (proc_pid_stat(5)).
const MS_PER_TICK = 10;

interface Stat {
  parent: number;
  /** Its own and its buried children's, user and system. */
  cpuMs: number;
}

function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended between two looks; its time is in its parent's by now.
    return undefined;
  }
  // The name in parentheses may hold spaces. After it: state, parent, ... utime, stime, cutime, cstime.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return { parent: fields[1] ?? 0, cpuMs: ticks * MS_PER_TICK };
}

/**
 * CPU that a process and all it ever started have used, in ms. PostgreSQL's back ends come and go: what ended ones
 * used stands in the time of the parent that buried them, so the sum of the tree loses nothing.
 */
export function treeCpuMs(root: number): number {
  const stats = new Map<number, Stat>();
  for (const pid of allPids()) {
    const stat = statOf(pid);
    if (stat !== undefined) stats.set(pid, stat);
  }
  const isInTree = (pid: number): boolean => {
    for (let at = pid; at > 1; at = stats.get(at)?.parent ?? 0) if (at === root) return true;
    return false;
  };
  let sum = 0;
  for (const [pid, { cpuMs }] of stats) if (isInTree(pid)) sum += cpuMs;
  return sum;
}

/** Resident memory of one process, in MB. */
export function residentMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1_024;
}

/** CPU that the whole machine has spent on work since its start, in ms. */
export function machineBusyMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * MS_PER_TICK;
}
