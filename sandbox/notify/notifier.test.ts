import type { AlipaySdk } from 'alipay-sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import { alipayClient, orderNo, testReceiver, testSandbox, type TestSandbox } from '../test-support.js';
import { count, deliveries, forms, inState, openTrade, payNew } from './test-support.js';

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayClient(sandbox.environment);
});

describe('acknowledging', () => {
  it.each<[string, { status: number; body?: string }, boolean]>([
    ['alipay', { status: 200, body: 'success' }, true],
    ['alipay', { status: 200, body: 'success\n' }, false],
    ['alipay', { status: 200, body: '<html>success</html>' }, false],
    ['alipay', { status: 204 }, false],
    ['alipay', { status: 500, body: 'success' }, false],
    ['wechat', { status: 200, body: '{"code":"SUCCESS"}' }, true],
    ['wechat', { status: 204 }, true],
    ['wechat', { status: 201 }, false],
    ['wechat', { status: 302 }, false],
    ['wechat', { status: 401, body: '{"code":"FAIL"}' }, false],
  ])('%s takes %j as acknowledged: %s', async (channel, reply, acknowledged) => {
    const receiver = await testReceiver(reply);
    const slow = await testSandbox({ speed: 1 });
    const no = await payNew(slow, channel, receiver.url);
    const [delivery] = await deliveries(slow, no, count(1));
    expect(delivery).toMatchObject({
      channel,
      outTradeNo: no,
      attempt: 1,
      acknowledged,
      status: reply.status,
    });
    expect(delivery).toMatchObject({ state: acknowledged ? 'acknowledged' : 'due', body: reply.body ?? '' });
    await slow.close();
  });
});

describe('the schedule', () => {
  it.each([
    ['alipay', 1, 240_000],
    ['alipay', 600, 400],
    ['wechat', 1, 15_000],
    ['wechat', 10, 1_500],
  ])('%s at speed %i sends again %i ms after the first refusal', async (channel, speed, pauseMs) => {
    const receiver = await testReceiver({ status: 500 });
    const paced = await testSandbox({ speed });
    const no = await payNew(paced, channel, receiver.url);
    const [delivery] = await deliveries(paced, no, count(1));
    const { sentAt, durationMs, nextAttemptAt } = delivery ?? {};
    const pause = Date.parse(String(nextAttemptAt)) - Date.parse(String(sentAt)) - Number(durationMs);
    // What is over is the time between the answer and the noting of it.
    expect(pause).toBeGreaterThanOrEqual(pauseMs);
    expect(pause).toBeLessThan(pauseMs + 100);
    await paced.close();
  });

  it.each([
    ['alipay', 8],
    ['wechat', 16],
  ])('%s gives up after %i deliveries of one event', async (channel, attempts) => {
    const receiver = await testReceiver({ status: 500, body: 'fail' });
    const no = await payNew(sandbox, channel, receiver.url);
    const found = await deliveries(sandbox, no, inState('exhausted'));
    expect(found.map((delivery) => delivery['attempt'])).toEqual(
      Array.from({ length: attempts }, (_, index) => index + 1),
    );
    expect(new Set(found.map((delivery) => delivery['eventId'])).size).toBe(1);
    expect(receiver.received).toHaveLength(attempts);
  });

  it('ends at the first acknowledgement, and each delivery is signed anew', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    receiver.answer = (nth) => (nth < 2 ? { status: 200, body: 'fail' } : { status: 200, body: 'success' });
    const no = await payNew(sandbox, 'alipay', receiver.url);
    const found = await deliveries(sandbox, no, inState('acknowledged'));
    expect(found.map((delivery) => delivery['body'])).toEqual(['fail', 'fail', 'success']);
    expect(forms(receiver).map((form) => sdk.checkNotifySignV2(form))).toEqual([true, true, true]);
    expect(new Set(forms(receiver).map((form) => form['notify_id'])).size).toBe(1);
  });

  it('gives WeChat a fresh nonce, signature and cipher text each time', async () => {
    const receiver = await testReceiver({ status: 500 });
    await payNew(sandbox, 'wechat', receiver.url);
    const [first, second] = await receiver.until(2);
    for (const name of ['wechatpay-nonce', 'wechatpay-signature']) {
      expect(first?.headers[name]).not.toBe(second?.headers[name]);
    }
    const event = (body = ''): { id: string; resource: { ciphertext: string } } =>
      JSON.parse(body) as { id: string; resource: { ciphertext: string } };
    expect(event(first?.body).id).toBe(event(second?.body).id);
    expect(event(first?.body).resource.ciphertext).not.toBe(event(second?.body).resource.ciphertext);
  });

  it('notes why nobody answered, and tries again', async () => {
    const receiver = await testReceiver({ status: 204 });
    receiver.answer = (nth) => (nth === 0 ? 'hang' : { status: 204 });
    const nobody = await payNew(sandbox, 'alipay', 'http://127.0.0.1:1/notify');
    const [refused] = await deliveries(sandbox, nobody, inState('exhausted'));
    expect(refused).toMatchObject({ status: null, error: expect.stringContaining('ECONNREFUSED') });
    const hung = await payNew(sandbox, 'wechat', receiver.url);
    const found = await deliveries(sandbox, hung, inState('acknowledged'));
    expect(found).toMatchObject([
      { error: 'no answer within 5000 ms', attempt: 1 },
      { status: 204, attempt: 2 },
    ]);
  });

  it('sends nothing for a trade without a notify address, or when told not to', async () => {
    const receiver = await testReceiver({ status: 204 });
    const silent = await openTrade(sandbox, 'wechat', receiver.url);
    const paid = await sandbox.control('POST', `/trades/${silent}/pay`, { notify: false });
    expect(paid.body).toMatchObject({ status: 'paid', eventId: null });
    const no = orderNo();
    await sandbox.control('POST', '/trades', { channel: 'wechat', outTradeNo: no, amount: 1 });
    expect((await sandbox.control('POST', `/trades/${no}/pay`)).body).toMatchObject({ eventId: null });
    // A later payment arrives, so one that had been sent before it would have arrived too.
    await payNew(sandbox, 'wechat', receiver.url);
    await receiver.until(1);
    expect(receiver.received).toHaveLength(1);
    expect((await sandbox.control('GET', `/notifications?outTradeNo=${silent}`)).data).toEqual([]);
  });
});
