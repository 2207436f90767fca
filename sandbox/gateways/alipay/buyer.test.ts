import type { AlipaySdk } from 'alipay-sdk';
import { beforeAll, describe, expect, it } from 'vitest';
import { alipayClient, orderNo, testReceiver, testSandbox, type TestSandbox } from '../../test-support.js';
import { exec, order, signedOrder } from './test-support.js';

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayClient(sandbox.environment);
});

const query = (no: string): Promise<unknown> => exec(sdk, 'alipay.trade.query', { out_trade_no: no });

describe('what the buyer carries to Alipay', () => {
  const notExist = { code: '40004', subCode: 'ACQ.TRADE_NOT_EXIST' };

  it.each([
    ['alipay.trade.wap.pay', 'h5'],
    ['alipay.trade.page.pay', 'page'],
  ])('%s: the link opens the cashier, and only then does the trade exist', async (method, scene) => {
    const no = orderNo();
    const link = sdk.pageExecute(method, 'GET', signedOrder(no));
    expect(await query(no)).toMatchObject(notExist);
    const answer = await fetch(link, { redirect: 'manual' });
    const trade = (await sandbox.control('GET', `/trades/${no}`)).body;
    expect(answer.status).toBe(302);
    expect(answer.headers.get('location')).toBe(trade['cashierUrl']);
    expect(trade).toMatchObject({ scene, status: 'unpaid', amount: 1234 });
    expect(await query(no)).toMatchObject({ tradeStatus: 'WAIT_BUYER_PAY' });
  });

  it('shows a page without a trade for a link that was changed', async () => {
    const no = orderNo();
    const link = sdk.pageExecute('alipay.trade.page.pay', 'GET', signedOrder(no));
    const answer = await fetch(link.replace('12.34', '0.01'), { redirect: 'manual' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('invalid-signature');
    expect(await query(no)).toMatchObject(notExist);
  });

  const carriers: readonly [string, (no: string) => string | object][] = [
    ['an order string', (no) => sdk.sdkExecute('alipay.trade.app.pay', signedOrder(no))],
    [
      'a wrapped order string',
      (no) => ({ orderString: sdk.sdkExecute('alipay.trade.app.pay', signedOrder(no)) }),
    ],
    ['a page link', (no) => sdk.pageExecute('alipay.trade.wap.pay', 'GET', signedOrder(no))],
    ['a page form', (no) => sdk.pageExecute('alipay.trade.page.pay', 'POST', signedOrder(no))],
  ];
  it.each(carriers)('%s: no trade until the buyer opens it', async (_what, credentialOf) => {
    const no = orderNo();
    const credential = credentialOf(no);
    expect(await query(no)).toMatchObject(notExist);
    const opened = await sandbox.control('POST', '/trades', { channel: 'alipay', credential });
    expect(opened).toMatchObject({ status: 201, body: { outTradeNo: no, amount: 1234 } });
    await sandbox.control('POST', `/trades/${no}/pay`);
    expect(await query(no)).toMatchObject({ tradeStatus: 'TRADE_SUCCESS' });
  });

  it('opens nothing that was changed', async () => {
    const credential = sdk
      .sdkExecute('alipay.trade.app.pay', signedOrder(orderNo()))
      .replace('12.34', '0.01');
    const opened = await sandbox.control('POST', '/trades', { channel: 'alipay', credential });
    expect(opened).toMatchObject({ status: 400, body: { error: { code: 'bad_credential' } } });
  });

  it('opens an expired order string as a closed trade, which a slow cashier can still be made to pay', async () => {
    const no = orderNo();
    const credential = sdk.sdkExecute(
      'alipay.trade.app.pay',
      signedOrder(no, { time_expire: '2026-01-01 00:00:00' }),
    );
    await sandbox.control('POST', '/trades', { channel: 'alipay', credential });
    expect(await query(no)).toMatchObject({ tradeStatus: 'TRADE_CLOSED' });
    expect(await sandbox.control('POST', `/trades/${no}/pay`)).toMatchObject({ status: 409 });
    await sandbox.control('POST', `/trades/${no}/pay`, { force: true });
    expect(await query(no)).toMatchObject({ tradeStatus: 'TRADE_SUCCESS' });
  });
});

describe('the notification', () => {
  it('is a form that the official client verifies, and says what was paid', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const no = orderNo();
    const passback_params = encodeURIComponent('merchant=1&x=%');
    await exec(sdk, 'alipay.trade.precreate', order(no, { passback_params }), { notifyUrl: receiver.url });
    const paid = await sandbox.control('POST', `/trades/${no}/pay`, { paidAt: '2026-11-24T04:05:06Z' });
    const [request] = await receiver.until(1);
    expect(request?.headers['content-type']).toBe('application/x-www-form-urlencoded; charset=utf-8');
    const form = Object.fromEntries(new URLSearchParams(request?.body));
    expect(sdk.checkNotifySignV2(form)).toBe(true);
    expect(sdk.checkNotifySignV2({ ...form, total_amount: '0.01' })).toBe(false);
    expect(form).toMatchObject({
      notify_type: 'trade_status_sync',
      notify_id: paid.body['eventId'],
      app_id: sandbox.environment['ALIPAY_APP_ID'],
      seller_id: sandbox.environment['ALIPAY_SELLER_ID'],
      sign_type: 'RSA2',
      trade_no: paid.body['tradeNo'],
      out_trade_no: no,
      trade_status: 'TRADE_SUCCESS',
      total_amount: '12.34',
      subject: 'Two tickets & a "drink" / 100%',
      gmt_payment: '2026-11-24 12:05:06',
      passback_params,
    });
    expect(Object.values(form)).not.toContain('');
  });
});

describe('return_url', () => {
  it('gets the buyer back with signed parameters, beside its own', async () => {
    const no = orderNo();
    const link = sdk.pageExecute(
      'alipay.trade.page.pay',
      'GET',
      signedOrder(no, {}, { returnUrl: 'http://127.0.0.1:9/thanks?from=pay' }),
    );
    const cashier = await fetch(link, { redirect: 'manual' });
    const answer = await fetch(`${cashier.headers.get('location')}/pay`, {
      method: 'POST',
      redirect: 'manual',
    });
    expect(answer.status).toBe(303);
    const back = new URL(answer.headers.get('location') ?? '');
    const { from, ...signed } = Object.fromEntries(back.searchParams);
    expect(`${back.origin}${back.pathname}?from=${from}`).toBe('http://127.0.0.1:9/thanks?from=pay');
    expect(sdk.checkNotifySignV2(signed)).toBe(true);
    expect(signed).toMatchObject({ out_trade_no: no, total_amount: '12.34' });
  });

  it('is not kept when it is no web address', async () => {
    const no = orderNo();
    const link = sdk.pageExecute(
      'alipay.trade.page.pay',
      'GET',
      signedOrder(no, {}, { returnUrl: 'javascript:alert(1)' }),
    );
    await fetch(link, { redirect: 'manual' });
    expect((await sandbox.control('GET', `/trades/${no}`)).body).toMatchObject({ returnUrl: null });
  });
});
