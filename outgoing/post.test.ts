/** S6: what a call reaches, checked when it connects; and that no answer can hold it up. */
import type { LookupAddress, LookupOptions } from 'node:dns';
import type { lookup as systemLookup } from 'node:dns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createOutgoing } from './post.js';
import { type Receiver, answering, hanging, postTo, startReceiver } from './test-support.js';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const lookedUp: string[] = [];

/** A name server that answers the first time with the first list, and so on; the last one stays. */
function names(...answers: readonly (readonly string[])[]): typeof systemLookup {
  let asked = 0;
  const stub = (
    hostname: string,
    options: LookupOptions,
    callback: (error: Error | null, found: LookupAddress[]) => void,
  ): void => {
    lookedUp.push(hostname);
    const found = answers[Math.min(asked++, answers.length - 1)] ?? [];
    expect(options.all).toBe(true);
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return stub as unknown as typeof systemLookup;
}

describe('S6 a call', () => {
  it.each([
    ['a private address', ['127.0.0.1']],
    ['IPv6 loopback', ['::1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['metadata', ['169.254.169.254']],
    ['a public and a private address', ['93.184.215.14', '127.0.0.1']],
    ['no address', []],
  ])('to a name that leads to %s connects to nothing', async (_what, addresses) => {
    const outgoing = createOutgoing({ allowPrivate: false, lookup: names(addresses) });
    const outcome = await postTo(outgoing, `https://rebind.example.com:${receiver.port}/`);
    expect(outcome).toMatchObject({ answered: false, reason: 'address_refused' });
    expect(receiver.connections()).toBe(0);
  });

  it('looks a name up once, and connects to what was checked: a second answer is never asked for', async () => {
    lookedUp.length = 0;
    // Nobody is at 192.0.2.1, and it is not public; a name that turns private after the check would be 127.0.0.1.
    const turning = createOutgoing({ allowPrivate: false, lookup: names(['93.184.215.14'], ['127.0.0.1']) });
    const first = await postTo(turning, `https://rebind.example.com:${receiver.port}/`, 300);
    expect(first.answered).toBe(false);
    expect(lookedUp).toEqual(['rebind.example.com']);
    const second = await postTo(turning, `https://rebind.example.com:${receiver.port}/`);
    expect(second).toEqual({
      answered: false,
      reason: 'address_refused',
      message: expect.stringContaining('not public'),
    });
    expect(lookedUp).toHaveLength(2);
    expect(receiver.connections()).toBe(0);
  });

  it('shares one look-up with those that begin meanwhile', async () => {
    const waiting: (() => void)[] = [];
    const slow = ((
      _name: string,
      _options: LookupOptions,
      callback: (error: null, found: LookupAddress[]) => void,
    ) =>
      void waiting.push(() =>
        callback(null, [{ address: '127.0.0.1', family: 4 }]),
      )) as unknown as typeof systemLookup;
    const outgoing = createOutgoing({ allowPrivate: true, lookup: slow });
    const calls = Array.from({ length: 10 }, () =>
      postTo(outgoing, `http://slow.example.com:${receiver.port}/`),
    );
    await expect.poll(() => waiting.length).toBe(1);
    waiting.pop()?.();
    expect((await Promise.all(calls)).every(({ answered }) => answered)).toBe(true);
    const later = postTo(outgoing, `http://slow.example.com:${receiver.port}/`);
    await expect.poll(() => waiting.length).toBe(1);
    waiting.pop()?.();
    expect(await later).toMatchObject({ answered: true });
  });

  it('by a number connects to nothing private, though no name is looked up', async () => {
    const outgoing = createOutgoing({ allowPrivate: false });
    for (const host of ['127.0.0.1', '[::1]', '0x7f.1', '2130706433', 'localhost']) {
      const outcome = await postTo(outgoing, `https://${host}:${receiver.port}/`);
      expect(outcome).toMatchObject({ answered: false, reason: 'address_refused' });
    }
    expect(receiver.connections()).toBe(0);
  });

  it('takes no http where private addresses are refused, also of an endpoint from before', async () => {
    const outgoing = createOutgoing({ allowPrivate: false, lookup: names(['93.184.215.14']) });
    expect(await postTo(outgoing, 'http://shop.example.com/')).toMatchObject({ reason: 'address_refused' });
  });

  it('reaches private addresses where they are allowed, by name and by number', async () => {
    const outgoing = createOutgoing({ allowPrivate: true });
    for (const host of ['127.0.0.1', 'localhost']) {
      const outcome = await postTo(outgoing, `http://${host}:${receiver.port}/`);
      expect(outcome).toEqual({ answered: true, status: 204, body: '' });
    }
  });
});

describe('an answer', () => {
  const outgoing = createOutgoing({ allowPrivate: true });

  it('S6 that redirects is not followed', async () => {
    const other = await startReceiver();
    receiver.answer = answering(307, '', { location: other.url });
    expect(await postTo(outgoing, receiver.url)).toMatchObject({ answered: true, status: 307 });
    expect(other.connections()).toBe(0);
    await other.close();
  });

  it('is read to 8 KB, and no further: one without an end ends all the same', async () => {
    let stopped = false;
    receiver.answer = (response) => {
      response.writeHead(200).on('close', () => (stopped = true));
      const more = (): void => {
        if (!stopped) response.write('x'.repeat(1_024), () => setImmediate(more));
      };
      more();
    };
    const outcome = await postTo(outgoing, receiver.url);
    expect(outcome).toEqual({ answered: true, status: 200, body: 'x'.repeat(8_192) });
    await expect.poll(() => stopped).toBe(true);
  });

  it('that drips counts by its status once the time is over', async () => {
    receiver.answer = (response) => void response.writeHead(202).write('first');
    expect(await postTo(outgoing, receiver.url, 1_000)).toEqual({
      answered: true,
      status: 202,
      body: 'first',
    });
  });

  it('that never comes is a time-out', async () => {
    receiver.answer = hanging;
    expect(await postTo(outgoing, receiver.url, 150)).toMatchObject({ answered: false, reason: 'timeout' });
  });

  it('whose name is never found is a time-out', async () => {
    const lost = createOutgoing({ allowPrivate: true, lookup: hanging as unknown as typeof systemLookup });
    expect(await postTo(lost, 'http://nowhere.example.com/', 150)).toMatchObject({ reason: 'timeout' });
  });

  it.each([
    ['a closed connection', (response: { destroy(): void }) => response.destroy()],
    [
      'rubbish',
      (response: { socket: { end(text: string): void } | null }) => response.socket?.end('what?\r\n\r\n'),
    ],
    ['too many headers', answering(200, '', { 'x-long': 'x'.repeat(70_000) })],
    ['another protocol', answering(101, '', { connection: 'upgrade', upgrade: 'x' })],
  ] as const)('that is %s is none', async (_what, answer) => {
    receiver.answer = answer;
    expect(await postTo(outgoing, receiver.url)).toMatchObject({ answered: false, reason: 'no_answer' });
  });

  it('that nobody gives says so', async () => {
    await receiver.close();
    const outcome = await postTo(outgoing, receiver.url);
    expect(outcome).toEqual({ answered: false, reason: 'no_answer', message: 'ECONNREFUSED' });
    receiver = await startReceiver();
  });

  it('loses its NUL bytes, which PostgreSQL takes none of', async () => {
    receiver.answer = answering(500, 'a\0b');
    expect(await postTo(outgoing, receiver.url)).toMatchObject({ status: 500, body: 'ab' });
  });
});
