import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createGuard, makeTestHome } from './guard.mjs';
import { isAlive, testRunMark } from './processes.mjs';

it('leaves no process of a home behind, whoever started it', async () => {
  const home = makeTestHome();
  const guard = createGuard();
  guard.remove(home);
  // As a launcher's child whose launcher was killed: nobody told the guard of it, and it does not listen to SIGTERM.
  const script = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdout.write('up');`;
  const child = spawn(process.execPath, ['-e', script], {
    env: { ...process.env, ...testRunMark(), HOLDFAST_HOME: home },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  await guard.close();
  expect((await ended)[1]).toBe('SIGKILL');
  expect([isAlive(child.pid ?? 0), existsSync(home)]).toEqual([false, false]);
});
