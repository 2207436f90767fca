import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AlipaySdk, type AlipaySdkCommonResult } from 'alipay-sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import { alipayClient, orderNo, testSandbox, timestamp, type TestSandbox } from '../../test-support.js';
import { exec, order } from './test-support.js';

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayClient(sandbox.environment);
});

const call = (method: string, bizContent: object): Promise<AlipaySdkCommonResult> =>
  exec(sdk, method, bizContent);

function stranger(): AlipaySdk {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return new AlipaySdk({ ...sdk.config, privateKey: pem, keyType: 'PKCS8' });
}

describe('alipay.trade.precreate', () => {
  it('gives a QR code under a signature that the official client verifies', async () => {
    const no = orderNo();
    const answer = await call('alipay.trade.precreate', order(no));
    expect(answer).toMatchObject({ code: '10000', outTradeNo: no });
    expect(answer['qrCode']).toMatch(/^https:\/\/qr\.alipay\.com\/bax[0-9a-z]+$/);
  });

  it('gives the same code for the same order, and refuses the number for another amount', async () => {
    const no = orderNo();
    const first = await call('alipay.trade.precreate', order(no));
    expect(await call('alipay.trade.precreate', order(no))).toMatchObject({ qrCode: first['qrCode'] });
    expect(await call('alipay.trade.precreate', order(no, { total_amount: '12.35' }))).toMatchObject({
      code: '40004',
      subCode: 'ACQ.CONTEXT_INCONSISTENT',
    });
  });

  it('refuses an order that is paid or closed', async () => {
    const [paid, closed] = [orderNo(), orderNo()];
    await call('alipay.trade.precreate', order(paid));
    await call('alipay.trade.precreate', order(closed));
    await sandbox.control('POST', `/trades/${paid}/pay`);
    await call('alipay.trade.close', { out_trade_no: closed });
    expect(await call('alipay.trade.precreate', order(paid))).toMatchObject({
      subCode: 'ACQ.TRADE_HAS_SUCCESS',
    });
    expect(await call('alipay.trade.precreate', order(closed))).toMatchObject({
      subCode: 'ACQ.TRADE_HAS_CLOSE',
    });
  });

  it.each([
    ['an amount with three decimals', { total_amount: '1.234' }],
    ['an amount of nothing', { total_amount: '0.00' }],
    ['a negative amount', { total_amount: '-1' }],
    ['a number with a hyphen', { out_trade_no: 'a-1' }],
    ['no subject', { subject: '' }],
    ['a day that is not', { time_expire: '2099-02-31 00:00:00' }],
    ['a time that is past', { time_expire: '2001-01-01 00:00:00' }],
    ['a time-out of no unit', { timeout_express: '30' }],
  ])('refuses %s', async (_what, change) => {
    expect(await call('alipay.trade.precreate', order(orderNo(), change))).toMatchObject({
      code: '40004',
      subCode: 'ACQ.INVALID_PARAMETER',
    });
  });
});

describe('who is calling', () => {
  it('refuses a call that another key signed, in a signed HTTP 200', async () => {
    const no = orderNo();
    const answer = await exec(stranger(), 'alipay.trade.precreate', order(no));
    expect(answer).toMatchObject({ code: '40002', subCode: 'isv.invalid-signature' });
    expect((await sandbox.control('GET', `/trades/${no}`)).status).toBe(404);
  });

  it('refuses a call whose order was changed after signing', async () => {
    const signed = sdk.sdkExecute('alipay.trade.precreate', {
      timestamp: timestamp(),
      bizContent: order(orderNo()),
    });
    const answer = await post(signed.replace('12.34', '0.01'));
    expect(answer).toContain('"sub_code":"isv.invalid-signature"');
    expect(await post(signed)).toContain('"code":"10000"');
  });

  it.each([
    ['another app', /app_id=\d+/, 'app_id=2021000000000000', 'isv.invalid-app-id'],
    ['GBK', 'charset=utf-8', 'charset=gbk', 'isv.invalid-charset'],
    ['RSA1', 'sign_type=RSA2', 'sign_type=RSA', 'isv.invalid-signature-type'],
    ['no signature', /&sign=[^&]*/, '', 'isv.missing-signature'],
    ['no timestamp', /&timestamp=[^&]*/, '', 'isv.missing-timestamp'],
    ['a time that is none', /timestamp=[^&]*/, 'timestamp=now', 'isv.invalid-timestamp'],
    ['no method', /method=[^&]*/, '', 'isv.missing-method'],
    ['a method that is not there', /method=[^&]*/, 'method=alipay.trade.fly', 'isv.invalid-signature'],
  ])('refuses %s', async (_what, from, to, subCode) => {
    const signed = sdk.sdkExecute('alipay.trade.query', {
      timestamp: timestamp(),
      bizContent: { out_trade_no: 'x' },
    });
    expect(await post(signed.replace(from, to))).toContain(`"sub_code":"${subCode}"`);
  });

  it('answers a gateway failure without a known method as error_response', async () => {
    expect(await post('')).toMatch(/^\{"error_response":\{"code":"40001",/);
  });
});

describe('the answer on its way', () => {
  it('is refused by the official client when anything in it was changed', async () => {
    const proxy = createServer((req, res) => {
      void (async () => {
        const body: Buffer[] = [];
        for await (const chunk of req) body.push(chunk as Buffer);
        const target = new URL(req.url ?? '', sandbox.environment['ALIPAY_GATEWAY']);
        const answer = await fetch(target, {
          method: 'POST',
          body: Buffer.concat(body),
          headers: { 'content-type': req.headers['content-type'] ?? '' },
        });
        res.end((await answer.text()).replace('12.34', '99.99'));
      })();
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', resolve);
    });
    const no = orderNo();
    await call('alipay.trade.precreate', order(no));
    const gateway = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/gateway.do`;
    const fooled = new AlipaySdk({ ...sdk.config, gateway, keyType: 'PKCS8' });
    const asked = exec(fooled, 'alipay.trade.query', { out_trade_no: no });
    await expect(asked).rejects.toThrow('验签失败');
    proxy.closeAllConnections();
    proxy.close();
  });
});

describe('alipay.trade.query and close', () => {
  it('tells unpaid, paid and closed trades apart', async () => {
    const no = orderNo();
    await call('alipay.trade.precreate', order(no));
    expect(await call('alipay.trade.query', { out_trade_no: no })).toMatchObject({
      tradeStatus: 'WAIT_BUYER_PAY',
      totalAmount: '12.34',
    });
    await sandbox.control('POST', `/trades/${no}/pay`, { buyer: '2088111', paidAt: '2026-11-24T04:05:06Z' });
    const paid = await call('alipay.trade.query', { out_trade_no: no });
    expect(paid).toMatchObject({
      tradeStatus: 'TRADE_SUCCESS',
      totalAmount: '12.34',
      receiptAmount: '12.34',
      buyerUserId: '2088111',
      sendPayDate: '2026-11-24 12:05:06',
    });
    expect(await call('alipay.trade.query', { trade_no: paid['tradeNo'], out_trade_no: 'x' })).toMatchObject({
      outTradeNo: no,
    });
    expect(await call('alipay.trade.close', { out_trade_no: no })).toMatchObject({
      subCode: 'ACQ.TRADE_STATUS_ERROR',
    });
  });

  it('closes an unpaid trade, and knows nothing of a trade that was never opened', async () => {
    const no = orderNo();
    await call('alipay.trade.precreate', order(no));
    expect(await call('alipay.trade.close', { out_trade_no: no })).toMatchObject({ code: '10000' });
    expect(await call('alipay.trade.query', { out_trade_no: no })).toMatchObject({
      tradeStatus: 'TRADE_CLOSED',
    });
    const missing = { code: '40004', subCode: 'ACQ.TRADE_NOT_EXIST' };
    expect(await call('alipay.trade.query', { out_trade_no: orderNo() })).toMatchObject(missing);
    expect(await call('alipay.trade.close', { out_trade_no: orderNo() })).toMatchObject(missing);
    expect(await call('alipay.trade.query', {})).toMatchObject({ subCode: 'ACQ.INVALID_PARAMETER' });
  });

  it('reports the amount that was paid when it is not the amount asked for', async () => {
    const no = orderNo();
    await call('alipay.trade.precreate', order(no));
    await sandbox.control('POST', `/trades/${no}/pay`, { amount: 5 });
    expect(await call('alipay.trade.query', { out_trade_no: no })).toMatchObject({ totalAmount: '0.05' });
  });
});

describe('alipay.trade.create', () => {
  it('gives the trade number that the mini program pays by', async () => {
    const no = orderNo();
    const answer = await call('alipay.trade.create', order(no, { buyer_open_id: 'open-1' }));
    const trade = await sandbox.control('GET', `/trades/${no}`);
    expect(answer).toMatchObject({ outTradeNo: no, tradeNo: trade.body['tradeNo'] });
    expect(trade.body).toMatchObject({ scene: 'jsapi', buyer: 'open-1' });
  });

  it('wants to know the buyer', async () => {
    expect(await call('alipay.trade.create', order(orderNo()))).toMatchObject({
      subCode: 'ACQ.INVALID_PARAMETER',
    });
  });
});

describe('time_expire', () => {
  it('closes the trade at the minute that the merchant said, in GMT+8', async () => {
    let now = Date.parse('2026-11-24T03:59:59.999Z');
    const late = await testSandbox({ now: () => now });
    const client = await alipayClient(late.environment);
    const no = orderNo();
    await exec(client, 'alipay.trade.precreate', order(no, { time_expire: '2026-11-24 12:00:00' }));
    expect(await exec(client, 'alipay.trade.query', { out_trade_no: no })).toMatchObject({
      tradeStatus: 'WAIT_BUYER_PAY',
    });
    now += 1;
    expect(await exec(client, 'alipay.trade.query', { out_trade_no: no })).toMatchObject({
      tradeStatus: 'TRADE_CLOSED',
    });
    expect((await late.control('GET', `/trades/${no}`)).body).toMatchObject({
      status: 'closed',
      expired: true,
      closedAt: '2026-11-24T04:00:00.000Z',
    });
  });

  it.each([
    ['5m', 5 * 60_000],
    ['2h', 2 * 3_600_000],
    ['1d', 86_400_000],
  ])('takes timeout_express %s from the opening', async (timeout_express, ms) => {
    const no = orderNo();
    await call('alipay.trade.precreate', order(no, { timeout_express }));
    const { createdAt, expiresAt } = (await sandbox.control('GET', `/trades/${no}`)).body;
    // Both are read from the clock in the same call, a moment apart.
    expect(Math.round((Date.parse(String(expiresAt)) - Date.parse(String(createdAt))) / 1000) * 1000).toBe(
      ms,
    );
  });
});

async function post(form: string): Promise<string> {
  const answer = await fetch(sandbox.environment['ALIPAY_GATEWAY'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=utf-8' },
    body: form,
  });
  expect(answer.status).toBe(200);
  return answer.text();
}
