import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** What the sandbox needs to know: where it keeps its state, its first port, and how fast provider time runs. */
export interface SandboxConfig {
  /** Absolute path of HOLDFAST_HOME; the sandbox writes only to its sub-folder `sandbox`. */
  readonly home: string;
  /** First of six consecutive ports. */
  readonly port: number;
  /** Provider retry schedules are divided by this. */
  readonly speed: number;
  /** The merchant's API, for providers that keep the address of notifications in their own settings. */
  readonly merchantUrl: string;
}

/** A reason not to start that the person at the terminal can act on: `message` is one plain line. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The sandbox takes SANDBOX_PORT and the five ports after it. */
export const PORT_SPAN = 6;

const HIGHEST_FIRST_PORT = 65_536 - PORT_SPAN;
const HIGHEST_SPEED = 1_000_000;

const environment = z.object({
  HOLDFAST_HOME: z.string().default('.holdfast'),
  SANDBOX_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .refine(
      (port) => port >= 1 && port <= HIGHEST_FIRST_PORT,
      `must be 1 to ${HIGHEST_FIRST_PORT}, to leave room for ${PORT_SPAN} ports`,
    )
    .default(3100),
  SANDBOX_SPEED: z
    .string()
    .regex(/^\d{1,7}(\.\d{1,6})?$/, 'must be a positive number such as 1 or 600')
    .transform(Number)
    .refine(
      (speed) => speed > 0 && speed <= HIGHEST_SPEED,
      `must be more than 0 and at most ${HIGHEST_SPEED}`,
    )
    .default(1),
  PORT: z.string().default('3000'),
  PUBLIC_URL: z.url('must be a URL').optional(),
});

/**
 * Reads the sandbox's settings from an environment.
 * @throws StartError that names the variable and what is wrong with it.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): SandboxConfig {
  // An empty variable counts as unset, as in a .env file with nothing after the equals sign.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = environment.safeParse(given);
  if (!read.success) {
    const [issue] = read.error.issues;
    const name = String(issue?.path[0]);
    throw new StartError(`${name}=${env[name] ?? ''} is not usable: ${issue?.message}.`);
  }
  return {
    home: resolve(read.data.HOLDFAST_HOME),
    port: read.data.SANDBOX_PORT,
    speed: read.data.SANDBOX_SPEED,
    merchantUrl: read.data.PUBLIC_URL ?? `http://127.0.0.1:${read.data.PORT}`,
  };
}

/** Reads the process's environment; a `.env` in the working directory fills in what is not set. */
export function loadConfig(): SandboxConfig {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readConfig(process.env);
}
