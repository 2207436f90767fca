import type { AlipaySdk } from 'alipay-sdk';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Aes, Formatter, Rsa, type Wechatpay } from 'wechatpay-axios-plugin';
import { settled, type Answer } from '../gateways/wechat/test-support.js';
import { forms } from '../notify/test-support.js';
import {
  alipayClient,
  orderNo,
  testReceiver,
  testSandbox,
  timestamp,
  wechatClient,
  type Received,
  type TestSandbox,
} from '../test-support.js';

let sandbox: TestSandbox;
let sdk: AlipaySdk;
let wechat: Wechatpay;

beforeAll(async () => {
  sandbox = await testSandbox();
  sdk = await alipayClient(sandbox.environment);
  wechat = wechatClient(sandbox.environment);
});

const env = (name: string): string => sandbox.environment[name] ?? '';

async function paidTrade(channel: string, changes: object = {}): Promise<string> {
  const outTradeNo = orderNo();
  await sandbox.control('POST', '/trades', { channel, outTradeNo, amount: 1000, ...changes });
  await sandbox.control('POST', `/trades/${outTradeNo}/pay`, { notify: false });
  return outTradeNo;
}

const settle = (no: string, result: string, more: object = {}): Promise<unknown> =>
  sandbox.control('POST', `/refunds/${no}/settle`, { result, ...more });
const tradeOf = async (no: string): Promise<Record<string, unknown>> =>
  (await sandbox.control('GET', `/trades/${no}`)).body;

describe('Alipay refunds', () => {
  const call = (method: string, bizContent: object): Promise<Record<string, unknown>> =>
    sdk.exec(method, { timestamp: timestamp(), bizContent }, { validateSign: true });
  const refund = (no: string, amount: string, request: string): Promise<Record<string, unknown>> =>
    call('alipay.trade.refund', { out_trade_no: no, refund_amount: amount, out_request_no: request });
  const query = (no: string, request: string): Promise<Record<string, unknown>> =>
    call('alipay.trade.fastpay.refund.query', {
      out_trade_no: no,
      out_request_no: request,
      query_options: ['gmt_refund_pay'],
    });

  it('are accepted, asked for, and count once for one request number', async () => {
    const no = await paidTrade('alipay');
    const request = orderNo();
    expect(await refund(no, '3.00', request)).toMatchObject({
      code: '10000',
      fundChange: 'N',
      refundFee: '0.00',
    });
    expect(await query(no, request)).not.toHaveProperty('refundStatus');
    expect(await refund(no, '3.00', request)).toMatchObject({ fundChange: 'N' });
    await settle(request, 'success');
    expect(await query(no, request)).toMatchObject({
      refundStatus: 'REFUND_SUCCESS',
      refundAmount: '3.00',
      totalAmount: '10.00',
      gmtRefundPay: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
    });
    // refund_fee is cumulative: a repeat says what went back of the trade in all.
    expect(await refund(no, '3.00', request)).toMatchObject({ fundChange: 'N', refundFee: '3.00' });
    expect(await tradeOf(no)).toMatchObject({ status: 'paid', refundedAmount: 300 });
  });

  it('never give back more than was paid, refunds under way counted', async () => {
    const no = await paidTrade('alipay');
    await refund(no, '6.00', orderNo());
    expect(await refund(no, '4.01', orderNo())).toMatchObject({ subCode: 'ACQ.REASON_TRADE_REFUND_FEE_ERR' });
    expect(await refund(no, '4.00', orderNo())).toMatchObject({ code: '10000' });
  });

  it('make the trade TRADE_CLOSED when all of it went back', async () => {
    const no = await paidTrade('alipay');
    const request = orderNo();
    await refund(no, '10.00', request);
    await settle(request, 'success');
    expect(await tradeOf(no)).toMatchObject({
      status: 'refunded',
      providerStatus: 'TRADE_CLOSED',
      refundedAmount: 1000,
    });
  });

  it('that fail move nothing, and are taken up again under their number', async () => {
    const no = await paidTrade('alipay');
    const request = orderNo();
    await refund(no, '3.00', request);
    await settle(request, 'fail');
    expect(await query(no, request)).not.toHaveProperty('refundStatus');
    expect(await tradeOf(no)).toMatchObject({ refundedAmount: 0 });
    expect(await refund(no, '3.01', request)).toMatchObject({ subCode: 'ACQ.DISCORDANT_REPEAT_REQUEST' });
    expect(await refund(no, '3.00', request)).toMatchObject({ code: '10000', fundChange: 'N' });
    // Under way again, it counts as gone, and it succeeds by itself like any other.
    expect(await refund(no, '10.00', orderNo())).toMatchObject({
      subCode: 'ACQ.REASON_TRADE_REFUND_FEE_ERR',
    });
    await vi.waitFor(
      async () => expect(await query(no, request)).toMatchObject({ refundStatus: 'REFUND_SUCCESS' }),
      { timeout: 5_000, interval: 20 },
    );
    expect(await tradeOf(no)).toMatchObject({ refundedAmount: 300 });
  });

  it('that are abnormal stay so, and say why when asked again', async () => {
    const no = await paidTrade('alipay');
    const request = orderNo();
    await refund(no, '3.00', request);
    await settle(request, 'abnormal');
    expect(await refund(no, '3.00', request)).toMatchObject({ subCode: 'ACQ.SELLER_BALANCE_NOT_ENOUGH' });
    expect(await refund(no, '10.00', orderNo())).toMatchObject({ code: '10000' });
  });

  it.each([
    ['a trade that is not there', () => 'nowhere', '1.00', 'r', 'ACQ.TRADE_NOT_EXIST'],
    ['nothing', () => paidTrade('alipay'), '0.00', 'r', 'ACQ.INVALID_PARAMETER'],
    [
      'a part without a request number',
      () => paidTrade('alipay'),
      '1.00',
      undefined,
      'ACQ.INVALID_PARAMETER',
    ],
  ])('refuse %s', async (_what, trade, refund_amount, out_request_no, subCode) => {
    const out_trade_no = await trade();
    expect(await call('alipay.trade.refund', { out_trade_no, refund_amount, out_request_no })).toMatchObject({
      subCode,
    });
  });

  it('refuse an unpaid trade, and another amount under the same number', async () => {
    const unpaid = orderNo();
    await sandbox.control('POST', '/trades', { channel: 'alipay', outTradeNo: unpaid, amount: 1000 });
    expect(await refund(unpaid, '1.00', 'r')).toMatchObject({ subCode: 'ACQ.TRADE_STATUS_ERROR' });
    const no = await paidTrade('alipay');
    await refund(no, '1.00', 'r');
    expect(await refund(no, '2.00', 'r')).toMatchObject({ subCode: 'ACQ.DISCORDANT_REPEAT_REQUEST' });
  });

  it('are told of by the payment’s notification: a part always, all of it on demand', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const no = await paidTrade('alipay', { notifyUrl: receiver.url });
    const [part, silent, rest] = [orderNo(), orderNo(), orderNo()];
    await refund(no, '3.00', part);
    await settle(part, 'success');
    await receiver.until(1);
    await refund(no, '2.00', silent);
    await settle(silent, 'success', { notify: false });
    await refund(no, '5.00', rest);
    await settle(rest, 'success', { notify: true });
    await receiver.until(2);
    const told = forms(receiver);
    expect(told).toMatchObject([
      { trade_status: 'TRADE_SUCCESS', out_biz_no: part, refund_fee: '3.00', total_amount: '10.00' },
      { trade_status: 'TRADE_CLOSED', out_biz_no: rest, refund_fee: '10.00', gmt_close: expect.any(String) },
    ]);
    expect(told.every((form) => sdk.checkNotifySignV2(form) && form['gmt_refund'] !== undefined)).toBe(true);
  });
});

describe('WeChat refunds', () => {
  const refund = (no: string, fen: number, outRefundNo: string, changes: object = {}): Promise<Answer> =>
    settled(
      wechat.chain('v3/refund/domestic/refunds').post<unknown, Answer>({
        out_trade_no: no,
        out_refund_no: outRefundNo,
        amount: { refund: fen, total: 1000, currency: 'CNY' },
        ...changes,
      }),
    );
  const query = (outRefundNo: string): Promise<Answer> =>
    settled(wechat.chain(`v3/refund/domestic/refunds/${outRefundNo}`).get<unknown, Answer>());

  it.each([
    ['success', 'SUCCESS', 'succeeded', 300],
    ['fail', 'CLOSED', 'failed', 0],
    ['abnormal', 'ABNORMAL', 'abnormal', 0],
  ])('are PROCESSING at first, and %s makes them %s', async (result, word, status, refundedAmount) => {
    const no = await paidTrade('wechat');
    const refundNo = orderNo();
    const first = await refund(no, 300, refundNo);
    expect(first).toMatchObject({
      status: 200,
      data: { status: 'PROCESSING', out_trade_no: no, amount: { refund: 300, total: 1000 } },
    });
    expect((await refund(no, 300, refundNo)).data).toEqual(first.data);
    expect(await settle(refundNo, result)).toMatchObject({ status: 200, body: { status } });
    expect((await query(refundNo)).data).toMatchObject({ status: word, refund_id: first.data['refund_id'] });
    const providerStatus = refundedAmount > 0 ? 'REFUND' : 'SUCCESS';
    expect(await tradeOf(no)).toMatchObject({ status: 'paid', providerStatus, refundedAmount });
  });

  it('are told of at their own notify_url, encrypted and signed', async () => {
    const receiver = await testReceiver({ status: 204 });
    const no = await paidTrade('wechat');
    const refundNo = orderNo();
    await refund(no, 1000, refundNo, { notify_url: receiver.url });
    await settle(refundNo, 'success');
    const [request] = await receiver.until(1);
    expect(await opened(request)).toMatchObject({
      event_type: 'REFUND.SUCCESS',
      original_type: 'refund',
      mchid: env('WECHAT_MCH_ID'),
      out_trade_no: no,
      out_refund_no: refundNo,
      refund_status: 'SUCCESS',
      amount: { total: 1000, refund: 1000 },
    });
    expect(await tradeOf(no)).toMatchObject({ status: 'refunded', refundedAmount: 1000 });
  });

  it('refuse what does not fit', async () => {
    const no = await paidTrade('wechat');
    const refundNo = orderNo();
    await refund(no, 600, refundNo);
    expect(await refund(no, 700, refundNo)).toMatchObject({ status: 400, data: { code: 'INVALID_REQUEST' } });
    expect(await refund(no, 500, orderNo())).toMatchObject({
      status: 400,
      data: { code: 'INVALID_REQUEST' },
    });
    const wrongTotal = { amount: { refund: 1, total: 999, currency: 'CNY' } };
    expect(await refund(no, 1, orderNo(), wrongTotal)).toMatchObject({ data: { code: 'PARAM_ERROR' } });
    expect(await refund('nowhere', 1, orderNo())).toMatchObject({ status: 404 });
    expect(await query('nowhere')).toMatchObject({ status: 404, data: { code: 'RESOURCE_NOT_EXISTS' } });
  });

  async function opened(request: Received | undefined): Promise<Record<string, unknown>> {
    if (!request) throw new Error('no notification');
    const key = await readFile(env('WECHAT_PUBLIC_KEY'), 'utf8');
    const header = (name: string): string => String(request.headers[name]);
    const signed = Formatter.response(header('wechatpay-timestamp'), header('wechatpay-nonce'), request.body);
    expect(Rsa.verify(signed, header('wechatpay-signature'), key)).toBe(true);
    const event = JSON.parse(request.body) as { event_type: string; resource: Record<string, string> };
    const { ciphertext = '', nonce = '', associated_data = '', original_type } = event.resource;
    const plain = Aes.AesGcm.decrypt(ciphertext, env('WECHAT_API_V3_KEY'), nonce, associated_data);
    return {
      ...(JSON.parse(plain) as Record<string, unknown>),
      event_type: event.event_type,
      original_type,
    };
  }

  it('succeed by themselves within 2 s, also when the sandbox was restarted meanwhile', async () => {
    const own = await testSandbox();
    const client = wechatClient(own.environment);
    const no = orderNo();
    const body = { channel: 'wechat', outTradeNo: no, amount: 1000 };
    await own.control('POST', '/trades', body);
    await own.control('POST', `/trades/${no}/pay`);
    const started = Date.now();
    await client.chain('v3/refund/domestic/refunds').post({
      out_trade_no: no,
      out_refund_no: no,
      amount: { refund: 1000, total: 1000, currency: 'CNY' },
    });
    await own.close();
    const again = await testSandbox({ home: own.home });
    const refundsOf = async (): Promise<unknown> =>
      (await again.control('GET', `/refunds?outTradeNo=${no}`)).data[0]?.['status'];
    expect(await refundsOf()).toBe('processing');
    await vi.waitFor(async () => expect(await refundsOf()).toBe('succeeded'), {
      timeout: 5_000,
      interval: 20,
    });
    expect(Date.now() - started).toBeLessThan(2_000);
  });
});

describe('POST /refunds/{no}/settle', () => {
  it('refuses an unknown refund, a second settlement and an unknown result', async () => {
    const no = await paidTrade('alipay');
    await sdk.exec('alipay.trade.refund', {
      timestamp: timestamp(),
      bizContent: { out_trade_no: no, refund_amount: '10.00' },
    });
    expect(await settle('nowhere', 'success')).toMatchObject({ status: 404 });
    expect(await settle(no, 'maybe')).toMatchObject({ status: 400 });
    // By the trade's number, its newest refund is meant.
    expect(await settle(no, 'success')).toMatchObject({
      status: 200,
      body: { status: 'succeeded', amount: 1000 },
    });
    expect(await settle(no, 'success')).toMatchObject({
      status: 409,
      body: { error: { code: 'refund_settled' } },
    });
  });
});
