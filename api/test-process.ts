/** The API as a process of its own, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ADMIN_KEY } from './test-support.js';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

export interface ApiProcess {
  child: ChildProcess;
  stdout: () => string;
  stderr: () => string;
  /** Its exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

/** Listens on a free port. @param environment must name the database */
export function startApiProcess(environment: Record<string, string>): ApiProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    env: {
      PATH: process.env['PATH'],
      ADMIN_API_KEY: ADMIN_KEY,
      HOST: '127.0.0.1',
      PORT: '0',
      TEMPORAL_ADDRESS: '127.0.0.1:9',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
  const ended = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  return { child, stdout: () => texts.stdout, stderr: () => texts.stderr, ended };
}

/** Waits until it listens. @throws Error with what it said, when it ended instead */
export async function urlOf(api: ApiProcess): Promise<string> {
  for (;;) {
    const port = /"port":(\d+),"msg":"the API listens"/.exec(api.stdout())?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}`;
    const over = await Promise.race([
      api.ended.then((code) => ({ code })),
      once(api.child.stdout ?? api.child, 'data').then(() => undefined),
    ]);
    if (over !== undefined) throw new Error(`ended with ${String(over.code)}: ${api.stderr()}`);
  }
}
