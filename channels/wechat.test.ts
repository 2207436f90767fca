import { verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  NO,
  WECHAT_APP,
  WECHAT_MCH,
  WECHAT_PAID,
  merchantKeys,
  refuseWechat,
  signWechatAnswer,
  stopGateways,
  wechatThatHears,
} from './test-gateways.js';
import { failureOf, type LoopbackAnswer, makeKnown, makeAttempt } from './test-support.js';

afterEach(stopGateways);

describe('wechat: what a query means', () => {
  it.each<[string, LoopbackAnswer, object]>([
    [
      'paid',
      signWechatAnswer(WECHAT_PAID),
      {
        state: 'paid',
        payment: {
          outTradeNo: NO,
          providerTradeNo: WECHAT_PAID.transaction_id,
          amountFen: 1230,
          currency: 'CNY',
          merchant: `${WECHAT_APP}/${WECHAT_MCH}`,
          paidAt: new Date('2026-11-24T12:00:02Z'),
        },
      },
    ],
    ['refunded, so paid', signWechatAnswer({ ...WECHAT_PAID, trade_state: 'REFUND' }), { state: 'paid' }],
    [
      'not paid',
      signWechatAnswer({
        appid: WECHAT_APP,
        mchid: WECHAT_MCH,
        out_trade_no: NO,
        trade_state: 'NOTPAY',
        amount: { total: 1230 },
      }),
      { state: 'unpaid' },
    ],
    ['paying', signWechatAnswer({ ...WECHAT_PAID, trade_state: 'USERPAYING' }), { state: 'unpaid' }],
    ['closed', signWechatAnswer({ ...WECHAT_PAID, trade_state: 'CLOSED' }), { state: 'closed' }],
    ['revoked', signWechatAnswer({ ...WECHAT_PAID, trade_state: 'REVOKED' }), { state: 'closed' }],
    [
      'a failed payment',
      signWechatAnswer({ ...WECHAT_PAID, trade_state: 'PAYERROR' }),
      { state: 'unknown', providerStatus: 'PAYERROR' },
    ],
    [
      'a word of a later version',
      signWechatAnswer({ ...WECHAT_PAID, trade_state: 'ACCEPT' }),
      { state: 'unknown', providerStatus: 'ACCEPT' },
    ],
    ['no trade yet', refuseWechat(404, 'ORDER_NOT_EXIST'), { state: 'unpaid' }],
  ])('%s', async (_title, answer, state) => {
    const { wechat, asked } = await wechatThatHears(() => answer);
    expect(await wechat.query(makeKnown(NO))).toMatchObject(state);
    expect(asked[0]).toMatchObject({
      method: 'GET',
      path: `/v3/pay/transactions/out-trade-no/${NO}?mchid=${WECHAT_MCH}`,
    });
  });
});

function closeThen(closing: LoopbackAnswer, queried: LoopbackAnswer = signWechatAnswer(WECHAT_PAID)) {
  return wechatThatHears(({ path }) => (path.endsWith('/close') ? closing : queried));
}

describe('wechat: close', () => {
  it.each<[string, LoopbackAnswer, object]>([
    ['closed', signWechatAnswer(), { state: 'closed' }],
    ['closed before', refuseWechat(400, 'ORDER_CLOSED'), { state: 'closed' }],
    [
      'paid: the payer was faster',
      refuseWechat(400, 'ORDERPAID'),
      { state: 'paid', payment: { amountFen: 1230 } },
    ],
    ['paid, in its other spelling', refuseWechat(400, 'ORDER_PAID'), { state: 'paid' }],
    ['never seen, so nothing was closed', refuseWechat(404, 'ORDER_NOT_EXIST'), { state: 'unpaid' }],
  ])('%s', async (_title, closing, state) => {
    const { wechat, asked } = await closeThen(closing);
    expect(await wechat.close(makeKnown(NO))).toMatchObject(state);
    expect(asked[0]).toMatchObject({
      method: 'POST',
      path: `/v3/pay/transactions/out-trade-no/${NO}/close`,
      body: JSON.stringify({ mchid: WECHAT_MCH }),
    });
  });

  it.each<[string, LoopbackAnswer]>([
    ['an unsigned 204', { status: 204, body: '' }],
    ['a server error', refuseWechat(500, 'SYSTEM_ERROR')],
    ['another refusal', refuseWechat(403, 'RULE_LIMIT')],
  ])('is unknown after %s', async (_title, closing) => {
    const { wechat } = await closeThen(closing);
    expect((await failureOf(() => wechat.close(makeKnown(NO)))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what a refused create means', () => {
  it.each([
    [400, 'PARAM_ERROR', 'channel_refused'],
    [400, 'ORDER_CLOSED', 'channel_refused'],
    [401, 'SIGN_ERROR', 'channel_refused'],
    [403, 'NO_AUTH', 'channel_refused'],
    // The payer was faster than our second call: to give up would lose his money from sight.
    [400, 'ORDERPAID', 'channel_unknown_outcome'],
    [429, 'FREQUENCY_LIMITED', 'channel_unknown_outcome'],
    [500, 'SYSTEM_ERROR', 'channel_unknown_outcome'],
    [502, 'BAD_GATEWAY', 'channel_unknown_outcome'],
  ])('%i %s is %s', async (status, code, expected) => {
    const { wechat } = await wechatThatHears(() => refuseWechat(status, code));
    const error = await failureOf(() => wechat.create(makeAttempt('qr')));
    expect(error.code).toBe(expected);
    expect(error.details).toMatchObject({
      operation: 'v3/pay/transactions/native',
      providerCode: code,
      httpStatus: status,
    });
  });

  it('does not hand out a credential whose signature fails', async () => {
    const { wechat } = await wechatThatHears(() =>
      signWechatAnswer({ code_url: 'weixin://evil' }, { key: merchantKeys.privateKey }),
    );
    expect((await failureOf(() => wechat.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });
});

function isSigned(lines: string[], signature = ''): boolean {
  const text = Buffer.from(`${lines.join('\n')}\n`);
  return verify('RSA-SHA256', text, merchantKeys.publicKey, Buffer.from(signature, 'base64'));
}

describe('wechat: what is sent', () => {
  it('sends fen, RFC 3339 in China time, and the very same attempt each time', async () => {
    const { wechat, asked } = await wechatThatHears(() =>
      signWechatAnswer({ code_url: 'weixin://wxpay/bizpayurl?pr=1' }),
    );
    const attempt = makeAttempt('qr', { subject: '🐼'.repeat(200) });
    expect(await wechat.create(attempt)).toEqual({ codeUrl: 'weixin://wxpay/bizpayurl?pr=1' });
    await wechat.create(attempt);
    expect(asked[0]?.path).toBe('/v3/pay/transactions/native');
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      appid: WECHAT_APP,
      mchid: WECHAT_MCH,
      description: '🐼'.repeat(63),
      out_trade_no: NO,
      time_expire: '2030-01-02T11:04:05+08:00',
      notify_url: attempt.notifyUrl,
      amount: { total: 1230, currency: 'CNY' },
    });
    expect(asked[1]?.body).toBe(asked[0]?.body);
  });

  it('signs for a mini program over `prepay_id=` and the id', async () => {
    const { wechat, asked } = await wechatThatHears(() => signWechatAnswer({ prepay_id: 'wx24' }));
    const credential = await wechat.create(makeAttempt('jsapi', { openid: 'o1' }));
    const { appId = '', timeStamp = '', nonceStr = '', package: pack = '', signType, paySign } = credential;
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({ payer: { openid: 'o1' } });
    expect({ appId, pack, signType }).toEqual({ appId: WECHAT_APP, pack: 'prepay_id=wx24', signType: 'RSA' });
    expect(isSigned([appId, timeStamp, nonceStr, pack], paySign)).toBe(true);
  });

  it('signs for a mobile app over the bare id', async () => {
    const { wechat } = await wechatThatHears(() => signWechatAnswer({ prepay_id: 'wx24' }));
    const {
      appid = '',
      timestamp = '',
      noncestr = '',
      sign: signature,
      ...rest
    } = await wechat.create(makeAttempt('app'));
    expect(rest).toEqual({ partnerid: WECHAT_MCH, prepayid: 'wx24', package: 'Sign=WXPay' });
    expect(isSigned([appid, timestamp, noncestr, 'wx24'], signature)).toBe(true);
  });

  it('sends the browser of h5 back to the shop', async () => {
    const { wechat, asked } = await wechatThatHears(() =>
      signWechatAnswer({ h5_url: 'https://wx.tenpay.test/mweb?prepay_id=wx24' }),
    );
    const attempt = makeAttempt('h5', {
      clientIp: '203.0.113.7',
      returnUrl: 'https://shop.test/done?a=1&b=2',
    });
    const { h5Url = '' } = await wechat.create(attempt);
    expect(new URL(h5Url).searchParams.get('redirect_url')).toBe('https://shop.test/done?a=1&b=2');
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      scene_info: { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap' } },
    });
  });

  it.each([
    ['jsapi', 'invalid_request'],
    ['h5', 'invalid_request'],
    ['page', 'scene_not_supported'],
  ] as const)('refuses %s without what it needs, before anything is sent', async (scene, code) => {
    const { wechat, asked } = await wechatThatHears(() => signWechatAnswer({}));
    expect((await failureOf(() => wechat.create(makeAttempt(scene)))).code).toBe(code);
    expect(asked).toEqual([]);
  });

  it('renews an h5 link long before a QR code', async () => {
    const { wechat } = await wechatThatHears(() => undefined);
    expect(wechat.credentialLivesMs('h5')).toBeLessThan(5 * 60_000);
    expect(wechat.credentialLivesMs('qr')).toBeLessThan(2 * 60 * 60_000);
  });
});
