import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endOrphans } from './orphans.mjs';
import { freePort } from './ports.mjs';
import { isAlive, isOurs } from './processes.mjs';
import { LISTENER, startScript, temporaryFolder, writeScript } from './test-support.js';

function remember(home: string, run: Record<string, number>): void {
  const entries = Object.entries(run).map(([name, pid]) => [name, { pid, port: 1, url: 'x' }]);
  writeFileSync(join(home, 'run.json'), JSON.stringify(Object.fromEntries(entries)));
}

describe('what a killed launcher left running', () => {
  it('ends the processes of its run.json, and removes that', async () => {
    const home = realpathSync(temporaryFolder());
    const script = writeScript(home, 'worker.mjs', LISTENER);
    const child = await startScript(script, { HOLDFAST_HOME: home });
    remember(home, { worker: child.pid });
    expect(await endOrphans({ home, marks: { worker: [script] }, ports: [] })).toEqual(['worker']);
    expect(isAlive(child.pid)).toBe(false);
    expect(existsSync(join(home, 'run.json'))).toBe(false);
  });

  it('leaves a stranger alone that was given the pid since', async () => {
    const home = realpathSync(temporaryFolder());
    const stranger = await startScript(writeScript(home, 'stranger.mjs', LISTENER), { HOLDFAST_HOME: home });
    remember(home, { worker: stranger.pid, api: 0, sandbox: -1, temporal: process.pid });
    const marks = { worker: [join(home, 'worker.mjs')], temporal: [], api: [], sandbox: [] };
    expect(await endOrphans({ home, marks, ports: [] })).toEqual([]);
    expect(isAlive(stranger.pid)).toBe(true);
  });

  it('leaves the same program alone when it serves another HOLDFAST_HOME', async () => {
    const home = realpathSync(temporaryFolder());
    const script = writeScript(home, 'worker.mjs', LISTENER);
    const other = await startScript(script, { HOLDFAST_HOME: '/another/home' });
    expect(isOurs(other.pid, [script], home)).toBe(false);
    expect(isOurs(other.pid, [script], '/another/home')).toBe(true);
  });

  it('finds one by its port when run.json is lost', async () => {
    const home = realpathSync(temporaryFolder());
    const script = writeScript(home, 'sandbox.mjs', LISTENER);
    const port = await freePort();
    await startScript(script, { HOLDFAST_HOME: home, PORT: String(port) });
    expect(await endOrphans({ home, marks: { sandbox: [script] }, ports: [port] })).toEqual(['sandbox']);
  });
});
