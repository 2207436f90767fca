import { afterEach, describe, expect, it } from 'vitest';
import { createAlipay } from './alipay.js';
import {
  ALIPAY_APP,
  ALIPAY_PAID,
  NO,
  alipayConfig,
  alipayThatHears,
  refuseAlipay,
  signAlipay,
  stopGateways,
} from './test-gateways.js';
import { failureOf, makeAttempt, makeKnown } from './test-support.js';

const OK = { code: '10000', msg: 'Success' };

afterEach(stopGateways);

describe('alipay: what a query means', () => {
  it.each<[string, object, object]>([
    [
      'paid',
      ALIPAY_PAID,
      {
        state: 'paid',
        payment: {
          outTradeNo: NO,
          providerTradeNo: '2026112422',
          amountFen: 1230,
          currency: 'CNY',
          merchant: ALIPAY_APP,
          paidAt: new Date('2026-11-24T12:00:02Z'),
        },
      },
    ],
    ['finished', { ...ALIPAY_PAID, trade_status: 'TRADE_FINISHED' }, { state: 'paid' }],
    ['waiting', { ...ALIPAY_PAID, trade_status: 'WAIT_BUYER_PAY' }, { state: 'unpaid' }],
    ['closed', { ...ALIPAY_PAID, trade_status: 'TRADE_CLOSED' }, { state: 'closed' }],
    [
      'a word of a later version',
      { ...ALIPAY_PAID, trade_status: 'TRADE_PENDING' },
      { state: 'unknown', providerStatus: 'TRADE_PENDING' },
    ],
    ['no trade yet', refuseAlipay('40004', 'ACQ.TRADE_NOT_EXIST'), { state: 'unpaid' }],
  ])('%s', async (_title, inner, state) => {
    const { alipay } = await alipayThatHears((method) => signAlipay(method, inner));
    expect(await alipay.query(makeKnown(NO))).toMatchObject(state);
  });

  it.each<[string, object]>([
    ['a business failure of another kind', refuseAlipay('40004', 'ACQ.SYSTEM_ERROR')],
    ['an invalid signature of ours', refuseAlipay('40002', 'isv.invalid-signature')],
    ['a gateway that is down', refuseAlipay('20000', 'isp.unknow-error')],
    ['an answer about another trade', { ...ALIPAY_PAID, out_trade_no: 'other' }],
    ['an answer without its status', OK],
    ['paid, with an amount that is none', { ...ALIPAY_PAID, total_amount: '1e3' }],
    ['paid, without a number of Alipay', { ...ALIPAY_PAID, trade_no: undefined }],
  ])('is unknown after %s', async (_title, inner) => {
    const { alipay } = await alipayThatHears((method) => signAlipay(method, inner));
    expect((await failureOf(() => alipay.query(makeKnown(NO)))).code).toBe('channel_unknown_outcome');
  });
});

describe('alipay: what a refused create means', () => {
  it.each([
    ['40004', 'ACQ.TRADE_HAS_CLOSE', 'channel_refused'],
    ['40004', 'ACQ.CONTEXT_INCONSISTENT', 'channel_refused'],
    ['40002', 'isv.invalid-signature', 'channel_refused'],
    ['40006', 'isv.insufficient-isv-permissions', 'channel_refused'],
    ['40001', undefined, 'channel_refused'],
    ['40004', 'ACQ.SYSTEM_ERROR', 'channel_unknown_outcome'],
    // The payer was faster than our second call: to give up would lose his money from sight.
    ['40004', 'ACQ.TRADE_HAS_SUCCESS', 'channel_unknown_outcome'],
    ['40005', 'isv.app-call-limited', 'channel_unknown_outcome'],
    ['20000', 'isp.unknow-error', 'channel_unknown_outcome'],
  ])('%s %s is %s', async (code, subCode, expected) => {
    const { alipay } = await alipayThatHears((method) => signAlipay(method, refuseAlipay(code, subCode)));
    const error = await failureOf(() => alipay.create(makeAttempt('qr')));
    expect(error.code).toBe(expected);
    expect(error.details).toMatchObject({
      operation: 'alipay.trade.precreate',
      providerCode: subCode ?? code,
    });
  });
});

function closeThen(inner: object, queried: object = ALIPAY_PAID) {
  return alipayThatHears((method) => signAlipay(method, method === 'alipay.trade.close' ? inner : queried));
}

describe('alipay: close', () => {
  it('is closed when Alipay closed it', async () => {
    const { alipay } = await closeThen({ ...OK, out_trade_no: NO, trade_no: '2026112422' });
    expect(await alipay.close(makeKnown(NO))).toEqual({ state: 'closed' });
  });

  it('tells that the payer was faster', async () => {
    const { alipay, asked } = await closeThen(refuseAlipay('40004', 'ACQ.TRADE_STATUS_ERROR'));
    expect(await alipay.close(makeKnown(NO))).toMatchObject({ state: 'paid', payment: { amountFen: 1230 } });
    expect(asked.map((query) => query.get('method'))).toEqual(['alipay.trade.close', 'alipay.trade.query']);
  });

  it('is closed when it was so already', async () => {
    const { alipay } = await closeThen(refuseAlipay('40004', 'ACQ.TRADE_STATUS_ERROR'), {
      ...ALIPAY_PAID,
      trade_status: 'TRADE_CLOSED',
    });
    expect(await alipay.close(makeKnown(NO))).toEqual({ state: 'closed' });
  });

  it('does not call closed what Alipay has never seen, since it can still be paid', async () => {
    const { alipay } = await closeThen(refuseAlipay('40004', 'ACQ.TRADE_NOT_EXIST'));
    expect(await alipay.close(makeKnown(NO))).toEqual({ state: 'unpaid' });
  });

  it.each(['ACQ.SYSTEM_ERROR', 'ACQ.REASON_TRADE_BEEN_FREEZEN'])('is unknown after %s', async (subCode) => {
    const { alipay } = await closeThen(refuseAlipay('40004', subCode));
    expect((await failureOf(() => alipay.close(makeKnown(NO)))).code).toBe('channel_unknown_outcome');
  });
});

function toBiz(query: URLSearchParams | undefined): unknown {
  return JSON.parse(query?.get('biz_content') ?? '{}');
}

describe('alipay: what is sent', () => {
  const local = createAlipay(alipayConfig('http://127.0.0.1:9/'));

  it('sends China time, yuan with two decimals, and the very same attempt each time', async () => {
    const { alipay, asked } = await alipayThatHears((method) =>
      signAlipay(method, { ...OK, out_trade_no: NO, qr_code: 'https://qr.alipay.com/bax1' }),
    );
    const attempt = makeAttempt('qr', { subject: `a/b=c&d ${'🐼'.repeat(300)}` });
    expect(await alipay.create(attempt)).toEqual({ qrCode: 'https://qr.alipay.com/bax1' });
    await alipay.create(attempt);
    expect(toBiz(asked[0])).toEqual({
      out_trade_no: NO,
      total_amount: '12.30',
      subject: `a／b＝c＆d ${'🐼'.repeat(124)}`,
      time_expire: '2030-01-02 11:04:05',
      product_code: 'FACE_TO_FACE_PAYMENT',
    });
    expect(toBiz(asked[1])).toEqual(toBiz(asked[0]));
    expect(asked[0]?.get('notify_url')).toBe(attempt.notifyUrl);
    const stamp = new Date(`${asked[0]?.get('timestamp')?.replace(' ', 'T')}+08:00`);
    expect(Math.abs(Date.now() - stamp.getTime())).toBeLessThan(60_000);
  });

  it('does not show the credential of another trade', async () => {
    const { alipay } = await alipayThatHears((method) =>
      signAlipay(method, { ...OK, out_trade_no: 'other', qr_code: 'q' }),
    );
    expect((await failureOf(() => alipay.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });

  it('gives a mini program the trade of its own payer', async () => {
    const { alipay, asked } = await alipayThatHears((method) =>
      signAlipay(method, { ...OK, out_trade_no: NO, trade_no: '2026' }),
    );
    expect(await alipay.create(makeAttempt('jsapi', { openid: 'o1' }))).toEqual({ tradeNo: '2026' });
    expect(toBiz(asked[0])).toMatchObject({
      product_code: 'JSAPI_PAY',
      buyer_open_id: 'o1',
      op_app_id: ALIPAY_APP,
    });
  });

  it('signs an app string that the gateway never hears of', async () => {
    const { orderString = '' } = await local.create(makeAttempt('app'));
    const query = new URLSearchParams(orderString);
    expect(query.get('method')).toBe('alipay.trade.app.pay');
    expect(toBiz(query)).toMatchObject({
      product_code: 'QUICK_MSECURITY_PAY',
      time_expire: '2030-01-02 11:04:05',
    });
  });

  it.each([
    ['h5', 'alipay.trade.wap.pay', 'QUICK_WAP_WAY'],
    ['page', 'alipay.trade.page.pay', 'FAST_INSTANT_TRADE_PAY'],
  ] as const)('sends the browser of %s to the cashier and back', async (scene, method, product) => {
    const returnUrl = 'https://shop.test/done?order=1&x=2';
    const { url = '' } = await local.create(makeAttempt(scene, { returnUrl }));
    const query = new URL(url).searchParams;
    expect(query.get('method')).toBe(method);
    expect(query.get('return_url')).toBe(returnUrl);
    expect(toBiz(query)).toMatchObject({ product_code: product, total_amount: '12.30' });
  });

  it.each([
    ['jsapi', 'openid'],
    ['page', 'returnUrl'],
  ] as const)('wants for %s its %s', async (scene, path) => {
    const error = await failureOf(() => local.create(makeAttempt(scene)));
    expect(error).toMatchObject({ code: 'invalid_request', details: { path } });
  });

  it('closes only where Alipay has a trade before the payer acts', () => {
    const closable = local.scenes.filter((scene) => local.canClose(scene));
    expect(closable.sort()).toEqual(['jsapi', 'page', 'qr']);
  });
});
