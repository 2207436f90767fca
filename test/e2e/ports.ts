import { randomInt } from 'node:crypto';
import { isPortFree } from '../../dev/ports.mjs';

/**
 * Below the ports that the system gives to outgoing connections (from 32768 on Linux): while a server that was
 * killed is being started again, such a connection could take its port.
 */
const LOWEST = 15_000;
const HIGHEST = 32_000;
/** The sandbox takes SANDBOX_PORT and the five behind it. */
const SANDBOX_PORTS = 6;
const TRIES = 50;

export interface StackPorts {
  api: number;
  temporal: number;
  temporalUi: number;
  postgres: number;
  /** The first of six. */
  sandbox: number;
}

/** Ports that nobody listens on now, in one row. */
export async function freePorts(): Promise<StackPorts> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const first = randomInt(LOWEST, HIGHEST);
    const row = Array.from({ length: 4 + SANDBOX_PORTS }, (_, offset) => first + offset);
    const free = await Promise.all(row.map((port) => isPortFree(port)));
    if (!free.every(Boolean)) continue;
    return {
      api: first,
      temporal: first + 1,
      temporalUi: first + 2,
      postgres: first + 3,
      sandbox: first + 4,
    };
  }
  throw new Error(`no ${4 + SANDBOX_PORTS} free ports in a row between ${LOWEST} and ${HIGHEST}`);
}

/** Every port of the row. */
export function allPorts({ api, temporal, temporalUi, postgres, sandbox }: StackPorts): number[] {
  return [
    api,
    temporal,
    temporalUi,
    postgres,
    ...Array.from({ length: SANDBOX_PORTS }, (_, offset) => sandbox + offset),
  ];
}
