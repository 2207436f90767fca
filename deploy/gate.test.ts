import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { openGate } from './gate.mjs';

// Linux has all of 127.0.0.0/8 on its loopback: a second address is another container's side of the gate.
const OUTSIDE = '127.0.0.2';
const onTwoAddresses = it.skipIf(process.platform !== 'linux');
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(answer: string): Promise<number> {
  const server = createServer((request, response) => {
    response.end(`${answer} ${request.headers.host}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

async function ask(host: string, port: number): Promise<string> {
  const request = get({ host, port, agent: false });
  const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('a gate', () => {
  onTwoAddresses('lets others reach what listens on one loopback, under the same port', async () => {
    const port = await serve('hello');
    closers.push(await openGate({ addresses: [OUTSIDE], ports: [port], target: '127.0.0.1' }));
    expect(await ask(OUTSIDE, port)).toBe(`hello ${OUTSIDE}:${port}`);
  });

  onTwoAddresses('ends a call while nobody listens behind it, and passes the next one', async () => {
    const port = await serve('first');
    await closers.pop()?.();
    closers.push(await openGate({ addresses: [OUTSIDE], ports: [port], target: '127.0.0.1' }));
    await expect(ask(OUTSIDE, port)).rejects.toThrow(/hang up|ECONNRESET/);
    const server = createServer((_request, response) => response.end('back'));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    closers.push(async () => {
      server.close();
      await once(server, 'close');
    });
    expect(await ask(OUTSIDE, port)).toBe('back');
  });

  it('says so when a port is taken', async () => {
    const port = await serve('taken');
    await expect(openGate({ addresses: ['127.0.0.1'], ports: [port], target: '127.0.0.1' })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});
