import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeLock } from './lock.mjs';
import { startOf } from './processes.mjs';
import { startScript, temporaryFolder, writeScript } from './test-support.js';

const HOLDER = `
  const { takeLock } = await import(process.env.LOCK_MODULE);
  takeLock(process.env.LOCKED);
  console.log('taken');
  setInterval(() => {}, 1000);
`;

describe('the lock on HOLDFAST_HOME', () => {
  it('lets one launcher in, and names the one that is', async () => {
    const home = temporaryFolder();
    const holder = await startScript(writeScript(home, 'holder.mjs', HOLDER), {
      LOCK_MODULE: new URL('lock.mjs', import.meta.url).href,
      LOCKED: home,
    });
    expect(() => takeLock(home)).toThrow(new RegExp(`pid ${holder.pid}\\) runs on HOLDFAST_HOME`));
    holder.kill('SIGKILL');
    await new Promise((resolve) => holder.once('exit', resolve));
    takeLock(home)();
    expect(existsSync(join(home, 'lock'))).toBe(false);
  });

  it.each([
    ['of a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1, started: 'x' })],
    [
      'whose pid is a stranger’s by now',
      JSON.stringify({ pid: process.ppid, started: 'before that one was started' }),
    ],
    ['that is damaged', '{"pid":'],
    ['that is empty', ''],
  ])('takes over a lock %s', (_what, text) => {
    const home = temporaryFolder();
    writeFileSync(join(home, 'lock'), text);
    takeLock(home);
    expect(JSON.parse(readFileSync(join(home, 'lock'), 'utf8'))).toEqual({
      pid: process.pid,
      started: startOf(process.pid),
    });
  });

  it('gives back only its own lock', () => {
    const home = temporaryFolder();
    const giveBack = takeLock(home);
    writeFileSync(join(home, 'lock'), 'another’s');
    giveBack();
    expect(readFileSync(join(home, 'lock'), 'utf8')).toBe('another’s');
  });
});
