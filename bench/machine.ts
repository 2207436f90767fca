/** What the figures were measured on, and how much of it was ours: a busy machine's figures are shown, not judged. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';
import { CAN_MEASURE_PROCESSES, machineBusyMs, treeCpuMs } from './processes.js';
import { round } from './stats.js';

/** Where others took more of the cores than this, their work is in the figures. */
const OTHERS_MOST_SHARE = 0.1;

export interface Machine {
  node: string;
  postgres: string;
  temporal: string;
  platform: string;
  cpu: string;
  cores: number;
  loadBefore: number[];
  loadAfter: number[];
  /** Share of the machine's busy CPU, 0 to 1, that the benchmark and its servers used; null where it is unknown. */
  ourShare: number | null;
  /** Share of all cores that others kept busy meanwhile, 0 to 1. */
  othersShare: number | null;
  /** Whether figures of time may be judged. */
  quiet: boolean;
}

export interface Watch {
  end(): Machine;
}

const load = (): number[] => loadavg().map((value) => round(value, 2));

/** @param versions of the servers */
export function watchMachine(versions: { postgres: string; temporal: string }): Watch {
  const loadBefore = load();
  const known = CAN_MEASURE_PROCESSES;
  const ours = known ? treeCpuMs(process.pid) : 0;
  const busy = known ? machineBusyMs() : 0;
  const begun = Date.now();
  return {
    end: () => {
      const spent = known ? machineBusyMs() - busy : 0;
      const used = known ? treeCpuMs(process.pid) - ours : 0;
      const capacity = (Date.now() - begun) * cpus().length;
      const others = known ? round((spent - used) / capacity, 2) : null;
      return {
        node: process.version,
        ...versions,
        platform: `${process.platform} ${process.arch}`,
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: cpus().length,
        loadBefore,
        loadAfter: load(),
        ourShare: spent > 0 ? round(used / spent, 2) : null,
        othersShare: others,
        quiet: others !== null && others <= OTHERS_MOST_SHARE,
      };
    },
  };
}

/** @param binary the `temporal` program */
export function temporalVersion(binary: string): string {
  const said = execFileSync(binary, ['--version'], { encoding: 'utf8' });
  return /Server ([\d.]+)/.exec(said)?.[1] ?? said.trim();
}
