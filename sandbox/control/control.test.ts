import { statSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  alipayClient,
  orderNo,
  testSandbox,
  timestamp,
  wechatClient,
  type TestSandbox,
} from '../test-support.js';

let sandbox: TestSandbox;

beforeAll(async () => {
  sandbox = await testSandbox();
});

async function openTrade(changes: object = {}): Promise<string> {
  const outTradeNo = orderNo();
  await sandbox.control('POST', '/trades', { channel: 'alipay', outTradeNo, amount: 1234, ...changes });
  return outTradeNo;
}

describe('GET /keys', () => {
  it('shows public keys, merchant ids and paths, and nothing secret', async () => {
    const { body } = await sandbox.control('GET', '/keys');
    expect(body).toMatchObject({
      home: sandbox.home,
      merchantFile: sandbox.merchantFile,
      alipay: {
        appId: sandbox.environment['ALIPAY_APP_ID'],
        sellerId: sandbox.environment['ALIPAY_SELLER_ID'],
        gateway: `http://127.0.0.1:${sandbox.port + 1}/gateway.do`,
        alipayPublicKeyPath: sandbox.environment['ALIPAY_PUBLIC_KEY'],
      },
      wechat: {
        mchId: sandbox.environment['WECHAT_MCH_ID'],
        publicKeyId: sandbox.environment['WECHAT_PUBLIC_KEY_ID'],
        baseUrl: `http://127.0.0.1:${sandbox.port + 2}/`,
      },
    });
    const text = JSON.stringify(body);
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).not.toContain(sandbox.environment['WECHAT_API_V3_KEY']);
  });

  it('goes with a file of exactly the product’s variables, which only its owner reads', () => {
    expect(Object.keys(sandbox.environment)).toEqual([
      'ALIPAY_APP_ID',
      'ALIPAY_PRIVATE_KEY',
      'ALIPAY_PUBLIC_KEY',
      'ALIPAY_GATEWAY',
      'ALIPAY_SELLER_ID',
      'WECHAT_APP_ID',
      'WECHAT_MCH_ID',
      'WECHAT_SERIAL',
      'WECHAT_PRIVATE_KEY',
      'WECHAT_API_V3_KEY',
      'WECHAT_PUBLIC_KEY_ID',
      'WECHAT_PUBLIC_KEY',
      'WECHAT_BASE_URL',
      'PINGPP_APP_ID',
      'PINGPP_API_KEY',
      'PINGPP_PRIVATE_KEY',
      'PINGPP_PUBLIC_KEY',
      'PINGPP_BASE_URL',
      'STRIPE_SECRET_KEY',
      'STRIPE_WEBHOOK_SECRET',
      'STRIPE_BASE_URL',
      'ALIYUN_SMS_ACCESS_KEY_ID',
      'ALIYUN_SMS_ACCESS_KEY_SECRET',
      'ALIYUN_SMS_ENDPOINT',
      'TENCENT_SMS_SECRET_ID',
      'TENCENT_SMS_SECRET_KEY',
      'TENCENT_SMS_APP_ID',
      'TENCENT_SMS_ENDPOINT',
    ]);
    expect(sandbox.environment['WECHAT_API_V3_KEY']).toMatch(/^[\x21-\x7e]{32}$/);
    for (const path of [
      sandbox.merchantFile,
      sandbox.environment['ALIPAY_PRIVATE_KEY'] ?? '',
      sandbox.environment['WECHAT_PRIVATE_KEY'] ?? '',
    ]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
  });
});

describe('GET /trades', () => {
  it('lists what each provider knows, under the product’s number', async () => {
    const sdk = await alipayClient(sandbox.environment);
    const wechat = wechatClient(sandbox.environment);
    const no = orderNo();
    await sdk.exec('alipay.trade.precreate', {
      timestamp: timestamp(),
      bizContent: { out_trade_no: no, total_amount: '12.34', subject: 's' },
    });
    await wechat.chain('v3/pay/transactions/native').post({
      appid: sandbox.environment['WECHAT_APP_ID'],
      mchid: sandbox.environment['WECHAT_MCH_ID'],
      description: 's',
      out_trade_no: no,
      notify_url: 'http://127.0.0.1:9/n',
      amount: { total: 567 },
    });
    const { data } = await sandbox.control('GET', `/trades?outTradeNo=${no}`);
    expect(
      data
        .map(({ channel, amount, status, refundedAmount, providerStatus }) => ({
          channel,
          amount,
          status,
          refundedAmount,
          providerStatus,
        }))
        .sort((a, b) => Number(a.amount) - Number(b.amount)),
    ).toEqual([
      { channel: 'wechat', amount: 567, status: 'unpaid', refundedAmount: 0, providerStatus: 'NOTPAY' },
      {
        channel: 'alipay',
        amount: 1234,
        status: 'unpaid',
        refundedAmount: 0,
        providerStatus: 'WAIT_BUYER_PAY',
      },
    ]);
    const only = await sandbox.control('GET', `/trades?channel=wechat&outTradeNo=${no}`);
    expect(only.data).toMatchObject([{ channel: 'wechat', outTradeNo: no }]);
    // One number at two channels: `channel` says which is meant.
    const paid = await sandbox.control('POST', `/trades/${no}/pay?channel=alipay`);
    expect(paid.body).toMatchObject({ channel: 'alipay', status: 'paid' });
  });

  it('finds a trade by either number, and says so when there is none', async () => {
    const no = await openTrade();
    const byMerchant = (await sandbox.control('GET', `/trades/${no}`)).body;
    expect((await sandbox.control('GET', `/trades/${String(byMerchant['tradeNo'])}`)).body).toEqual(
      byMerchant,
    );
    expect(await sandbox.control('GET', '/trades/none')).toMatchObject({
      status: 404,
      body: { error: { code: 'trade_not_found', message: 'There is no trade with the number none.' } },
    });
    expect((await sandbox.control('GET', '/trades?outTradeNo=none')).data).toEqual([]);
  });
});

describe('POST /trades', () => {
  it('opens a number that a front end submits by itself, hyphens included, once', async () => {
    const outTradeNo = `5-${orderNo().slice(-4)}-6d2d`;
    const body = { channel: 'wechat', outTradeNo, amount: 990 };
    const first = await sandbox.control('POST', '/trades', body);
    const again = await sandbox.control('POST', '/trades', body);
    expect(first).toMatchObject({ status: 201, body: { outTradeNo, amount: 990, status: 'unpaid' } });
    expect(again.body['tradeNo']).toBe(first.body['tradeNo']);
    expect(await sandbox.control('POST', '/trades', { ...body, amount: 991 })).toMatchObject({
      status: 409,
      body: { error: { code: 'trade_differs' } },
    });
  });
});

describe('what the buyer does', () => {
  it('pays: amount, buyer and time are the caller’s when given', async () => {
    const [plain, told] = [await openTrade(), await openTrade()];
    const before = Date.now();
    const paid = (await sandbox.control('POST', `/trades/${plain}/pay`)).body;
    expect(paid).toMatchObject({
      status: 'paid',
      providerStatus: 'TRADE_SUCCESS',
      amount: 1234,
      paidAmount: 1234,
    });
    expect(Date.parse(String(paid['paidAt']))).toBeGreaterThanOrEqual(before);
    expect(paid['buyer']).toMatch(/^2088\d{12}$/);
    const request = { buyer: 'b-1', paidAt: '2026-11-24T12:00:00+08:00', amount: 1, notify: false };
    expect((await sandbox.control('POST', `/trades/${told}/pay`, request)).body).toMatchObject({
      buyer: 'b-1',
      paidAt: '2026-11-24T04:00:00.000Z',
      amount: 1234,
      paidAmount: 1,
    });
    const epoch = await openTrade();
    expect(
      (await sandbox.control('POST', `/trades/${epoch}/pay`, { paidAt: 1_700_000_000_000 })).body,
    ).toMatchObject({
      paidAt: '2023-11-14T22:13:20.000Z',
    });
  });

  it.each([
    ['pay', 'paid', 'trade_paid'],
    ['close', 'closed', 'trade_closed'],
    ['fail', 'failed', 'trade_failed'],
  ])('%s makes it %s, after which nothing happens without force', async (act, status, code) => {
    const no = await openTrade();
    expect((await sandbox.control('POST', `/trades/${no}/${act}`)).body).toMatchObject({ status });
    for (const next of ['pay', 'close', 'fail']) {
      const refused = await sandbox.control('POST', `/trades/${no}/${next}`);
      expect(refused).toMatchObject({ status: 409, body: { error: { code } } });
    }
    const forced = await sandbox.control('POST', `/trades/${no}/pay`, { force: true });
    expect(forced.status).toBe(status === 'paid' ? 409 : 200);
    expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({ status: 'paid' });
  });
});

describe('bad input', () => {
  it.each<[string, string, unknown, string]>([
    ['POST', '/trades', '{"channel":', 'invalid_json'],
    ['POST', '/trades', [], 'invalid_input'],
    ['POST', '/trades', {}, 'invalid_input'],
    ['POST', '/trades', { channel: 'cash', outTradeNo: 'x', amount: 1 }, 'invalid_input'],
    ['POST', '/trades', { channel: 'alipay', outTradeNo: 'x' }, 'invalid_input'],
    ['POST', '/trades', { channel: 'alipay', outTradeNo: 'x', amount: 0.5 }, 'invalid_input'],
    ['POST', '/trades', { channel: 'alipay', outTradeNo: 'a b', amount: 1 }, 'invalid_input'],
    [
      'POST',
      '/trades',
      { channel: 'alipay', outTradeNo: 'x', amount: 1, notifyUrl: 'ftp://x' },
      'invalid_input',
    ],
    ['POST', '/trades', { channel: 'alipay', credential: 'hello' }, 'bad_credential'],
    ['POST', '/trades', { channel: 'alipay', credential: '' }, 'invalid_input'],
    ['POST', '/trades/KNOWN/pay', { amount: '1' }, 'invalid_input'],
    ['POST', '/trades/KNOWN/pay', { amount: 0 }, 'invalid_input'],
    ['POST', '/trades/KNOWN/pay', { paidAt: 'yesterday' }, 'invalid_input'],
    ['POST', '/trades/KNOWN/pay', { paidAt: '2026-11-24T12:00:00' }, 'invalid_input'],
    ['POST', '/trades/KNOWN/pay', { notify: 'no' }, 'invalid_input'],
    ['POST', '/faults', { channel: 'alipay' }, 'invalid_input'],
    ['POST', '/faults', { channel: 'alipay', duplicate: -1 }, 'invalid_input'],
    ['POST', '/faults', { channel: 'alipay', errorRate: 2 }, 'invalid_input'],
    ['POST', '/faults', { channel: 'alipay', drop: true, times: 0 }, 'invalid_input'],
    ['POST', '/faults', { channel: 'alipay', signtest: true }, 'invalid_input'],
    ['POST', '/faults', { drop: true }, 'invalid_input'],
    ['GET', '/trades?channel=cash', undefined, 'invalid_input'],
    ['GET', '/notifications?outTradeNo=a&outTradeNo=b', undefined, 'invalid_input'],
    ['GET', '/trades/%E0%A4%A', undefined, 'bad_request'],
  ])('%s %s %j is a 400 in JSON: %s', async (method, path, body, code) => {
    const known = await openTrade();
    const answer = await sandbox.control(method, path.replace('KNOWN', known), body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code, message: expect.any(String) } } });
    expect((await sandbox.control('GET', `/trades/${known}`)).body).toMatchObject({ status: 'unpaid' });
  });

  it('answers a call that does not exist, and a body that is too large, in JSON too', async () => {
    expect(await sandbox.control('GET', '/nothing')).toMatchObject({
      status: 404,
      body: { error: { code: 'no_such_call' } },
    });
    const big = { channel: 'alipay', credential: 'x'.repeat(300_000) };
    expect(await sandbox.control('POST', '/trades', big)).toMatchObject({
      status: 413,
      body: { error: { code: 'bad_request' } },
    });
  });
});
