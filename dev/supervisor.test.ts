import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from './ports.mjs';
import { isAlive } from './processes.mjs';
import { type Service, Supervisor } from './supervisor.mjs';
import { collectingReport, LISTENER, scriptService, temporaryFolder, writeScript } from './test-support.js';
import { answersOk, until } from './wait.mjs';

type Run = Record<string, { pid: number; port: number; url: string }>;

function supervise(healthyAfterMs = 60_000) {
  const home = temporaryFolder();
  const report = collectingReport();
  const supervisor = new Supervisor({
    home,
    report,
    delays: { firstMs: 10, longestMs: 40, healthyAfterMs },
  });
  onTestFinished(() => supervisor.stop([]));
  const run = (): Run => JSON.parse(readFileSync(join(home, 'run.json'), 'utf8'));
  return { home, report, supervisor, run };
}

async function listener(home: string, name: string): Promise<Service> {
  return scriptService(name, writeScript(home, `${name}.mjs`, LISTENER), await freePort());
}

describe('the supervisor', () => {
  it('shows in run.json what runs, and nothing once it has stopped', async () => {
    const { home, supervisor, run } = supervise();
    const api = await listener(home, 'api');
    const worker = await listener(home, 'worker');
    await Promise.all([supervisor.run(api), supervisor.run(worker)]);
    const { api: shown, worker: other } = run();
    expect(Object.keys(run())).toEqual(['worker', 'api']);
    expect(shown).toEqual({ pid: expect.any(Number), port: api.port, url: api.url });
    expect(isAlive(shown?.pid ?? 0) && isAlive(other?.pid ?? 0)).toBe(true);
    await supervisor.stop([['api'], ['worker']]);
    expect(existsSync(join(home, 'run.json'))).toBe(false);
    expect(isAlive(shown?.pid ?? 0) || isAlive(other?.pid ?? 0)).toBe(false);
  });

  it('starts a child again that was killed, on the same port, and says why it ended', async () => {
    const { home, supervisor, run, report } = supervise();
    const service = await listener(home, 'worker');
    await supervisor.run(service);
    const killed = run()['worker']?.pid ?? 0;
    process.kill(killed, 'SIGKILL');
    expect(await until(() => (run()['worker']?.pid ?? killed) !== killed, { withinMs: 10_000 })).toBe(true);
    expect(await until(() => answersOk(service.url), { withinMs: 10_000 })).toBe(true);
    expect(
      await until(() => report.lines.some((line) => line.includes('worker runs again')), { withinMs: 5_000 }),
    ).toBe(true);
    expect(report.lines[0]).toContain('worker was ended by SIGKILL; it is started again.');
    expect(run()['worker']?.port).toBe(service.port);
  });

  it('shows no child in run.json that is dead and not yet started again', async () => {
    const { home, supervisor, run } = supervise();
    let letGo = () => {};
    const barred = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    let starts = 0;
    const service = await listener(home, 'worker');
    await supervisor.run({
      ...service,
      beforeStart: async () => {
        starts += 1;
        if (starts > 1) await barred;
      },
    });
    process.kill(run()['worker']?.pid ?? 0, 'SIGKILL');
    expect(await until(() => starts > 1, { withinMs: 10_000 })).toBe(true);
    expect(run()).toEqual({});
    letGo();
    expect(await until(() => run()['worker'] !== undefined, { withinMs: 10_000 })).toBe(true);
  });

  it('never gives up on a child that ran once, and says each time why it ended', async () => {
    const { home, supervisor, report } = supervise();
    const script = `
      import { existsSync, writeFileSync } from 'node:fs';
      if (existsSync('${join(home, 'once')}')) { console.log('the disk is on fire'); process.exit(3); }
      writeFileSync('${join(home, 'once')}', '');
      ${LISTENER}
      setTimeout(() => process.exit(2), 300);
    `;
    await supervisor.run(scriptService('api', writeScript(home, 'api.mjs', script), await freePort()));
    const deaths = () => report.lines.filter((line) => line.includes('api ended with code 3'));
    expect(await until(() => deaths().length >= 4, { withinMs: 20_000 })).toBe(true);
    expect(report.lines.join('\n')).toContain('the disk is on fire');
  });

  it('gives the reason when a child ends at its first start, and does not try it again', async () => {
    const { home, supervisor, run } = supervise();
    const script = writeScript(
      home,
      'api.mjs',
      'console.error("ALIPAY_PRIVATE_KEY is no key"); process.exit(1);',
    );
    await expect(supervisor.run(scriptService('api', script, await freePort()))).rejects.toMatchObject({
      message: expect.stringContaining('api ended with code 1'),
      details: ['ALIPAY_PRIVATE_KEY is no key'],
    });
    expect(run()).toEqual({});
  });

  it('says so when a program cannot be started at all', async () => {
    const { supervisor } = supervise();
    const service = { ...scriptService('temporal', 'x', await freePort()), command: '/nowhere/temporal' };
    await expect(supervisor.run(service)).rejects.toThrow('temporal could not be started');
  });

  it('ends the children in the given order, each before the next', async () => {
    const { home, supervisor } = supervise();
    const log = join(home, 'order');
    const script = (name: string) => `
      import { appendFileSync } from 'node:fs';
      ${LISTENER}
      process.removeAllListeners('SIGTERM');
      process.on('SIGTERM', () => setTimeout(() => { appendFileSync('${log}', '${name} '); process.exit(0); }, 50));
    `;
    for (const name of ['postgres', 'worker', 'api']) {
      await supervisor.run(
        scriptService(name, writeScript(home, `${name}.mjs`, script(name)), await freePort()),
      );
    }
    await supervisor.stop([['api'], ['worker'], ['postgres']]);
    expect(readFileSync(log, 'utf8')).toBe('api worker postgres ');
  });

  it('kills a child that does not heed its signal', async () => {
    const { home, supervisor, run } = supervise();
    const deaf = `${LISTENER}\nprocess.removeAllListeners('SIGTERM'); process.on('SIGTERM', () => {});`;
    const service = scriptService('api', writeScript(home, 'api.mjs', deaf), await freePort());
    await supervisor.run({ ...service, stopWithinMs: 100 });
    const pid = run()['api']?.pid ?? 0;
    await supervisor.stop([['api']]);
    expect(isAlive(pid)).toBe(false);
  });
});
