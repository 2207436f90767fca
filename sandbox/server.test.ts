import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { StartError } from './config.js';
import { startSandbox } from './server.js';
import { control, orderNo, testHome, testReceiver, testSandbox, type TestSandbox } from './test-support.js';
import { count, deliveries, inState, payNew } from './notify/test-support.js';

describe('restarting', () => {
  it('keeps trades, faults, keys and what was delivered', async () => {
    const receiver = await testReceiver({ status: 204 });
    const first = await testSandbox();
    const no = await payNew(first, 'wechat', receiver.url);
    await deliveries(first, no, inState('acknowledged'));
    await first.control('POST', '/faults', { channel: 'alipay', drop: true, times: 3 });
    const paths = [`/trades/${no}`, '/faults', `/notifications?outTradeNo=${no}`];
    const before = await Promise.all(paths.map((path) => first.control('GET', path)));
    await first.close();
    const second = await testSandbox({ home: first.home });
    const after = await Promise.all(paths.map((path) => second.control('GET', path)));
    // Only the ports are new.
    const plain = (answers: unknown): unknown =>
      JSON.parse(JSON.stringify(answers).replaceAll(/127\.0\.0\.1:\d+\/cashier/g, 'host/cashier'));
    expect(plain(after)).toEqual(plain(before));
    const withoutUrls = ({ environment }: TestSandbox): unknown =>
      Object.entries(environment).map(([name, value]) => [name, value.startsWith('http') ? '' : value]);
    expect(withoutUrls(second)).toEqual(withoutUrls(first));
  });

  it('goes on with a notification that was still due, as the same event', async () => {
    const receiver = await testReceiver({ status: 500 });
    const first = await testSandbox({ speed: 1_000 });
    const no = await payNew(first, 'alipay', receiver.url);
    const [sent] = await deliveries(first, no, count(1));
    await first.close();
    receiver.answer = () => ({ status: 200, body: 'success' });
    const second = await testSandbox({ home: first.home });
    const found = await deliveries(second, no, inState('acknowledged'));
    expect(found.at(-1)).toMatchObject({ eventId: sent?.['eventId'], attempt: found.length });
  });
});

describe('stopping', () => {
  it('ends at once although a provider call and a delivery hang, and gives the ports back', async () => {
    const receiver = await testReceiver({ status: 204 });
    receiver.answer = () => 'hang';
    const sandbox = await testSandbox();
    await payNew(sandbox, 'wechat', receiver.url);
    await receiver.until(1);
    await sandbox.control('POST', '/faults', { channel: 'alipay', requestTimeout: true });
    const hanging = fetch(`http://127.0.0.1:${sandbox.port + 1}/gateway.do`, { method: 'POST' });
    await Promise.all([sandbox.close(), hanging.catch(() => null)]);
    await sandbox.close();
    for (const offset of [0, 1, 2, 4]) await takePort(sandbox.port + offset);
  });

  it('refuses ports that are taken in one line, and keeps none of them', async () => {
    const running = await testSandbox();
    const [low, home] = [running.port - 1, await testHome()];
    const started = startSandbox({ home, port: low, speed: 1 });
    await expect(started).rejects.toThrow(StartError);
    await expect(started).rejects.toThrow(/^Port \d+ is taken: .*SANDBOX_PORT/);
  });

  it('refuses a folder that another running sandbox uses, and takes it once that one is gone', async () => {
    const running = await testSandbox();
    const started = startSandbox({ home: running.home, port: 0, speed: 1 });
    await expect(started).rejects.toThrow(`A sandbox on port ${running.port} uses ${running.home} already`);
    await running.close();
    const next = await startSandbox({ home: running.home, port: 0, speed: 1 });
    await next.close();
  });
});

describe('the program', () => {
  it('survives kill -9 with everything it had answered, and ends cleanly on SIGTERM', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    // No delivery of the first run is answered, so each is still due when it is killed.
    receiver.answer = () => 'hang';
    const home = await testHome();
    const first = await startProgram(home);
    const numbers = Array.from({ length: 20 }, orderNo);
    const body = (outTradeNo: string): object => ({
      channel: 'alipay',
      outTradeNo,
      amount: 100,
      notifyUrl: receiver.url,
    });
    await Promise.all(numbers.map((no) => control(first.port, 'POST', '/trades', body(no))));
    await Promise.all(numbers.map((no) => control(first.port, 'POST', `/trades/${no}/pay`)));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    receiver.answer = () => ({ status: 200, body: 'success' });
    const second = await testSandbox({ home });
    for (const no of numbers) {
      expect((await second.control('GET', `/trades/${no}`)).body).toMatchObject({ status: 'paid' });
      await deliveries(second, no, inState('acknowledged'));
    }
    await second.close();

    const third = await startProgram(home);
    expect((await control(third.port, 'GET', `/trades/${numbers[0] ?? ''}`)).status).toBe(200);
    third.child.kill('SIGTERM');
    expect(await once(third.child, 'exit')).toEqual([0, null]);
    expect(third.output()).toMatch(/^Sandbox ready: .*\n$/);
  });

  it('says in one line what is wrong with its settings', async () => {
    const { child, output } = run({ SANDBOX_SPEED: 'fast' });
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(output()).toBe(
      'sandbox: SANDBOX_SPEED=fast is not usable: must be a positive number such as 1 or 600.\n',
    );
  });
});

interface Program {
  readonly child: ChildProcess;
  readonly output: () => string;
}

function run(env: Record<string, string>): Program {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return { child, output: () => output };
}

/** Starts the program itself on ports that were free a moment ago. */
async function startProgram(home: string): Promise<Program & { port: number }> {
  const probe = await startSandbox({ home: await testHome(), port: 0, speed: 1 });
  await probe.close();
  const program = run({ HOLDFAST_HOME: home, SANDBOX_PORT: String(probe.port), SANDBOX_SPEED: '1' });
  const ready = await Promise.race([
    once(program.child.stdout ?? program.child, 'data').then(() => true),
    once(program.child, 'exit').then(() => false),
  ]);
  if (!ready) throw new Error(program.output());
  return { ...program, port: probe.port };
}

async function takePort(port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  server.close();
}
