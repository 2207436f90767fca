import type { AlipaySdk } from 'alipay-sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  alipayClient,
  orderNo,
  testReceiver,
  testSandbox,
  timestamp,
  type ControlAnswer,
  type TestSandbox,
} from '../test-support.js';
import { count, deliveries, forms, inState, payNew } from './test-support.js';

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayClient(sandbox.environment);
});

describe('faults of notifications', () => {
  const fault = (body: object): Promise<ControlAnswer> =>
    sandbox.control('POST', '/faults', { channel: 'alipay', ...body });

  it('duplicate: sends the extra deliveries, although the first is acknowledged', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ duplicate: 3 });
    const no = await payNew(sandbox, 'alipay', receiver.url);
    const found = await deliveries(sandbox, no, inState('acknowledged'));
    expect(found.map((delivery) => delivery['attempt'])).toEqual([1, 2, 3, 4]);
    expect(new Set(forms(receiver).map((form) => form['notify_id'])).size).toBe(1);
  });

  it('times: touches as many notifications as it says, one when it says nothing', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ duplicate: 1, times: 2 });
    const attempts: number[] = [];
    for (let order = 0; order < 3; order += 1) {
      const no = await payNew(sandbox, 'alipay', receiver.url);
      attempts.push((await deliveries(sandbox, no, inState('acknowledged'))).length);
    }
    expect(attempts).toEqual([2, 2, 1]);
    expect((await sandbox.control('GET', '/faults')).data).toEqual([]);
  });

  it('drop: the notification never comes, and that is on record', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ drop: true });
    const lost = await payNew(sandbox, 'alipay', receiver.url);
    const told = await payNew(sandbox, 'alipay', receiver.url);
    await deliveries(sandbox, told, inState('acknowledged'));
    expect(await deliveries(sandbox, lost, count(1))).toMatchObject([
      { error: 'dropped', state: 'dropped', status: null },
    ]);
    expect(forms(receiver).map((form) => form['out_trade_no'])).toEqual([told]);
  });

  it('delayMs: the first delivery waits', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ delayMs: 150 });
    const before = Date.now();
    const no = await payNew(sandbox, 'alipay', receiver.url);
    const [delivery] = await deliveries(sandbox, no, inState('acknowledged'));
    expect(Date.parse(String(delivery?.['sentAt'])) - before).toBeGreaterThanOrEqual(149);
  });

  it.each([
    [1, [1, 0, 2]],
    [3, [2, 1, 0]],
  ])('reorder %i: a notification comes after the one that followed it', async (times, arrival) => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ reorder: true, times });
    const sent = [
      await payNew(sandbox, 'alipay', receiver.url),
      await payNew(sandbox, 'alipay', receiver.url),
    ];
    if (times === 1) await deliveries(sandbox, sent[0] ?? '', inState('acknowledged'));
    sent.push(await payNew(sandbox, 'alipay', receiver.url));
    await receiver.until(3);
    expect(forms(receiver).map((form) => sent.indexOf(form['out_trade_no'] ?? ''))).toEqual(arrival);
  });

  it('reorder: what nothing follows comes all the same', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    await fault({ reorder: true });
    const no = await payNew(sandbox, 'alipay', receiver.url);
    await deliveries(sandbox, no, inState('acknowledged'));
    expect(receiver.received).toHaveLength(1);
  });

  it.each(['tamper', 'wrongKey'])(
    '%s: the first delivery does not verify, the re-send does',
    async (name) => {
      const receiver = await testReceiver({ status: 200, body: 'success' });
      receiver.answer = (_nth, { body }) => ({
        status: 200,
        body: sdk.checkNotifySignV2(Object.fromEntries(new URLSearchParams(body))) ? 'success' : 'fail',
      });
      await fault({ [name]: true });
      const no = await payNew(sandbox, 'alipay', receiver.url);
      expect(await deliveries(sandbox, no, inState('acknowledged'))).toMatchObject([
        { body: 'fail' },
        { body: 'success' },
      ]);
      const [forged, real] = forms(receiver);
      expect(real?.['total_amount']).toBe('1.00');
      if (name === 'tamper') expect(forged?.['total_amount']).toBe('2.00');
    },
  );

  it.each([
    ['wrongAmount', 'total_amount', '1.01'],
    ['wrongMerchant', 'app_id', '2021000000000001'],
    ['wrongMerchant', 'seller_id', '2088000000000001'],
    ['wrongOrder', 'out_trade_no', expect.stringMatching(/^[0-9a-f]{16}$/)],
  ])('%s: every delivery says so under a right signature', async (name, field, value) => {
    const receiver = await testReceiver({ status: 200, body: 'fail' });
    await fault({ [name]: true });
    const no = await payNew(sandbox, 'alipay', receiver.url);
    await deliveries(sandbox, no, inState('exhausted'));
    for (const form of forms(receiver)) {
      expect(form).toMatchObject({ [field]: value });
      expect(sdk.checkNotifySignV2(form)).toBe(true);
    }
    // The provider's own books are right; only what it said was wrong.
    const { body } = await sandbox.control('GET', `/trades/${no}`);
    expect(body).toMatchObject({ outTradeNo: no, amount: 100, paidAmount: 100 });
  });
});

describe('faults of the provider’s answers', () => {
  const query = (no: string): Promise<Record<string, unknown>> =>
    sdk.exec(
      'alipay.trade.query',
      { timestamp: timestamp(), bizContent: { out_trade_no: no } },
      { validateSign: true },
    );
  const sdkWith = async (timeoutMs: number): Promise<AlipaySdk> => {
    const client = await alipayClient(sandbox.environment);
    client.config.timeout = timeoutMs;
    return client;
  };

  it('errorRate: lasts until it is cleared, and applies nothing', async () => {
    await sandbox.control('POST', '/faults', { channel: 'alipay', errorRate: 1 });
    for (let call = 0; call < 3; call += 1) {
      expect(await query(orderNo())).toMatchObject({ code: '20000', subCode: 'isp.unknow-error' });
    }
    await sandbox.control('DELETE', '/faults');
    expect(await query(orderNo())).toMatchObject({ subCode: 'ACQ.TRADE_NOT_EXIST' });
  });

  it('requestTimeout: the call is applied and never answered, once', async () => {
    const no = orderNo();
    await sandbox.control('POST', '/faults', { channel: 'alipay', requestTimeout: true });
    const create = (await sdkWith(200)).exec('alipay.trade.precreate', {
      timestamp: timestamp(),
      bizContent: { out_trade_no: no, total_amount: '1.00', subject: 's' },
    });
    await expect(create).rejects.toThrow(/timeout/i);
    expect(await query(no)).toMatchObject({ tradeStatus: 'WAIT_BUYER_PAY' });
  });

  it('hangMs: the answer comes late', async () => {
    await sandbox.control('POST', '/faults', { channel: 'alipay', hangMs: 120, times: 1 });
    const before = performance.now();
    await query(orderNo());
    expect(performance.now() - before).toBeGreaterThanOrEqual(119);
    expect((await sandbox.control('GET', '/faults')).data).toEqual([]);
  });

  it('operation: leaves the other calls alone', async () => {
    await sandbox.control('POST', '/faults', {
      channel: 'alipay',
      errorRate: 1,
      operation: 'close',
      times: 1,
    });
    expect(await query(orderNo())).toMatchObject({ subCode: 'ACQ.TRADE_NOT_EXIST' });
    expect((await sandbox.control('GET', '/faults')).data).toMatchObject([
      { operation: 'close', callsLeft: 1 },
    ]);
    await sandbox.control('DELETE', '/faults');
  });

  it('leaves the other channel alone', async () => {
    await sandbox.control('POST', '/faults', { channel: 'wechat', errorRate: 1 });
    expect(await query(orderNo())).toMatchObject({ subCode: 'ACQ.TRADE_NOT_EXIST' });
    await sandbox.control('DELETE', '/faults?channel=alipay');
    expect((await sandbox.control('GET', '/faults')).data).toHaveLength(1);
    await sandbox.control('DELETE', '/faults');
  });
});
