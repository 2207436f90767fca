import { verify } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { createPingpp } from './pingpp.js';
import { NO, merchantKeys } from './test-gateways.js';
import {
  APP,
  CHARGE,
  PAID,
  type PingppAsked,
  list,
  makeCharge,
  pingppConfig,
  pingppThatHears,
  refusePingpp,
  say,
  stopPingpp,
} from './test-pingpp.js';
import { type LoopbackAnswer, failureOf, makeAttempt, makeKnown } from './test-support.js';

afterEach(stopPingpp);

const KNOWN = makeKnown(NO, { chargeId: CHARGE, charge: '{}' });
const LOST = { ...makeKnown(NO), createdAt: new Date('2026-11-24T19:00:00Z') };
const RETURN = { returnUrl: 'https://shop.example.com/done?a=1' };

describe('a charge', () => {
  it.each([
    ['qr', {}, 'alipay_qr', {}, 'https://qr.alipay.com/bax01', { qrCode: 'https://qr.alipay.com/bax01' }],
    ['app', {}, 'alipay', {}, { orderInfo: 'a="b"' }, {}],
    [
      'h5',
      RETURN,
      'alipay_wap',
      { success_url: RETURN.returnUrl },
      { channel_url: 'https://mapi.alipay.com/gateway.do', subject: '短 信', total_fee: '0.01' },
      { url: 'https://mapi.alipay.com/gateway.do?subject=%E7%9F%AD%20%E4%BF%A1&total_fee=0.01' },
    ],
    [
      'page',
      RETURN,
      'alipay_pc_direct',
      { success_url: RETURN.returnUrl },
      { channel_url: 'https://mapi.alipay.com/gateway.do', sign: 'a+b=' },
      { url: 'https://mapi.alipay.com/gateway.do?sign=a%2Bb%3D' },
    ],
    ['jsapi', { openid: 'o1' }, 'wx_pub', { open_id: 'o1' }, { appId: 'wx1', timeStamp: 1 }, {}],
  ] as const)('of scene %s is posted, and what the payer needs is handed out', async (...row) => {
    const [scene, more, channel, extra, held, fields] = row;
    const answered = makeCharge({ channel, credential: { object: 'credential', [channel]: held } });
    const { pingpp, asked } = await pingppThatHears(() => say(answered));
    const credential = await pingpp.create(makeAttempt(scene, more));
    expect(credential).toEqual({ chargeId: CHARGE, charge: JSON.stringify(answered), ...fields });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ method: 'POST', path: '/v1/charges' });
    expect(asked[0]?.body).toMatchObject({
      order_no: NO,
      app: { id: APP },
      channel,
      amount: 1230,
      client_ip: '127.0.0.1',
      currency: 'cny',
      subject: '一小时设计咨询',
      extra,
    });
  });

  it('is signed over body, address and second, and carries the key', async () => {
    const { pingpp, asked } = await pingppThatHears(({ method }) =>
      method === 'POST' ? say(makeCharge()) : list([]),
    );
    await pingpp.create(makeAttempt('qr'));
    await pingpp.query(LOST);
    for (const { raw, url, headers } of asked) {
      const second = String(headers['pingplusplus-request-timestamp']);
      expect(Math.abs(Date.now() / 1000 - Number(second))).toBeLessThan(10);
      const signature = Buffer.from(String(headers['pingplusplus-signature']), 'base64');
      const text = Buffer.from(`${raw}${url}${second}`);
      expect(verify('RSA-SHA256', text, merchantKeys.publicKey, signature)).toBe(true);
      const key = Buffer.from('sk_live_abcdefghijklmnopqrstuvwx:').toString('base64');
      expect(headers['authorization']).toBe(`Basic ${key}`);
    }
  });

  it.each([
    ['a long one', '设'.repeat(40), '设'.repeat(32)],
    ['what Alipay forbids', 'a/b=c&d', 'a／b＝c＆d'],
  ])('has its subject cut and widened: %s', async (_what, subject, expected) => {
    const { pingpp, asked } = await pingppThatHears(() => say(makeCharge()));
    await pingpp.create(makeAttempt('qr', { subject }));
    expect(asked[0]?.body).toMatchObject({ subject: expected });
  });

  it.each([
    ['qr', 14 * 86_400, 15 * 86_400],
    ['jsapi', 6 * 86_400, 7 * 86_400],
  ] as const)('of scene %s never outlives what Ping++ takes', async (scene, atLeastS, atMostS) => {
    const channel = scene === 'qr' ? 'alipay_qr' : 'wx_pub';
    const credential = { object: 'credential', [channel]: 'x' };
    const { pingpp, asked } = await pingppThatHears(() => say(makeCharge({ channel, credential })));
    await pingpp.create(makeAttempt(scene, { openid: 'o1' }));
    const livesS = Number(asked[0]?.body['time_expire']) - Date.now() / 1000;
    expect(livesS).toBeGreaterThan(atLeastS);
    expect(livesS).toBeLessThan(atMostS);
  });

  it.each([
    ['h5', 'returnUrl'],
    ['page', 'returnUrl'],
    ['jsapi', 'openid'],
  ] as const)('of scene %s is not posted without %s', async (scene, field) => {
    const { pingpp, asked } = await pingppThatHears(() => undefined);
    const error = await failureOf(() => pingpp.create(makeAttempt(scene)));
    expect(error).toMatchObject({ code: 'invalid_request', details: { path: field } });
    expect(asked).toEqual([]);
  });
});

describe('an attempt that is posted again', () => {
  const old = { createdAt: new Date(Date.now() - 60_000) };

  it('is looked for first, where its posting had no answer, and its number goes on', async () => {
    const { pingpp, asked } = await pingppThatHears(({ method }) =>
      method === 'GET'
        ? list([makeCharge({ id: 'ch_other', order_no: 'other' }), makeCharge({ id: 'ch_lost' })])
        : say(makeCharge()),
    );
    expect(await pingpp.create(makeAttempt('qr', old))).toMatchObject({
      chargeId: CHARGE,
      earlierIds: 'ch_lost',
    });
    const from = Math.floor(old.createdAt.getTime() / 1000) - 300;
    expect(Object.fromEntries(asked[0]?.query ?? [])).toEqual({
      'app[id]': APP,
      'created[gte]': String(from),
      limit: '100',
    });
  });

  it('M5: opens nothing more once one of its charges is paid', async () => {
    const { pingpp, asked } = await pingppThatHears(() => say(makeCharge(PAID)));
    const again = makeAttempt('qr', { credential: KNOWN.credential });
    expect((await failureOf(() => pingpp.create(again))).code).toBe('channel_unknown_outcome');
    expect(asked.map(({ method }) => method)).toEqual(['GET']);
  });

  it('goes on being asked about when it is refused, since what was handed out can be paid', async () => {
    const { pingpp } = await pingppThatHears(({ method }) =>
      method === 'GET' ? say(makeCharge()) : refusePingpp(400, 'invalid_request_error'),
    );
    const again = makeAttempt('qr', { credential: KNOWN.credential });
    expect((await failureOf(() => pingpp.create(again))).code).toBe('channel_unknown_outcome');
  });

  it('asks about each charge that was handed out, and finds the one that is paid', async () => {
    const { pingpp, asked } = await pingppThatHears(({ path }) => {
      const id = path.slice('/v1/charges/'.length);
      return say(makeCharge({ id, ...(id === 'ch_2' ? PAID : {}) }));
    });
    const known = makeKnown(NO, { chargeId: 'ch_3', earlierIds: 'ch_2,ch_1' });
    expect(await pingpp.query(known)).toMatchObject({
      state: 'paid',
      payment: { providerTradeNo: 'ch_2', outTradeNo: NO },
    });
    expect(asked.map(({ path }) => path)).toEqual([
      '/v1/charges/ch_3',
      '/v1/charges/ch_2',
      '/v1/charges/ch_1',
    ]);
  });
});

describe('a question', () => {
  const PAYMENT = {
    outTradeNo: NO,
    providerTradeNo: CHARGE,
    amountFen: 1230,
    currency: 'CNY',
    merchant: APP,
    paidAt: new Date(1_795_550_460_000),
  };

  it.each([
    ['unpaid', {}, { state: 'unpaid' }],
    ['paid', PAID, { state: 'paid', payment: PAYMENT }],
    ['paid, and refunded in part', { ...PAID, refunded: true }, { state: 'paid', payment: PAYMENT }],
    ['paid, and taken back', { ...PAID, reversed: true }, { state: 'closed' }],
    ['taken back', { reversed: true }, { state: 'closed' }],
    ['failed once', { failure_code: 'x' }, { state: 'unpaid' }],
    ['past its expiry', { time_expire: 1 }, { state: 'unpaid' }],
    [
      'paid to another app',
      { ...PAID, app: 'app_x' },
      { state: 'paid', payment: { ...PAYMENT, merchant: 'app_x' } },
    ],
    ['an app shown whole', { ...PAID, app: { id: APP } }, { state: 'paid', payment: PAYMENT }],
  ])('finds it %s', async (_what, change, state) => {
    const { pingpp } = await pingppThatHears(() => say(makeCharge(change)));
    expect(await pingpp.query(KNOWN)).toEqual(state);
    expect(await pingpp.close(KNOWN)).toEqual(state);
  });

  it('W3: finds that play money of test mode was not paid to us', async () => {
    const { pingpp } = await pingppThatHears(() => say(makeCharge({ ...PAID, livemode: false })));
    expect(await pingpp.query(KNOWN)).toMatchObject({ payment: { merchant: `${APP}/test` } });
    expect(pingpp.merchant).toBe(APP);
  });

  it('looks through every page for an attempt whose posting had no answer', async () => {
    const pages: Record<string, LoopbackAnswer> = {
      '': list([makeCharge({ id: 'ch_9', order_no: 'x' })], true),
      ch_9: list([makeCharge({ id: 'ch_8', order_no: 'x' })], true),
      ch_8: list([makeCharge(PAID)]),
    };
    const { pingpp, asked } = await pingppThatHears(({ query }) => pages[query.get('starting_after') ?? '']);
    expect(await pingpp.query(LOST)).toEqual({ state: 'paid', payment: PAYMENT });
    expect(asked).toHaveLength(3);
  });

  it('finds nothing where there is no charge: it can still be opened', async () => {
    const { pingpp } = await pingppThatHears(() => list([]));
    expect(await pingpp.query(LOST)).toEqual({ state: 'unpaid' });
  });

  it('ends at a page that says that there is more, and shows none of it', async () => {
    const { pingpp, asked } = await pingppThatHears(() => list([], true));
    expect(await pingpp.query(LOST)).toEqual({ state: 'unpaid' });
    expect(asked).toHaveLength(1);
  });
});

describe('what Ping++ cannot do', () => {
  it('is to close a charge: only reversing it, which gives back what was paid meanwhile', async () => {
    const posted: PingppAsked[] = [];
    const { pingpp } = await pingppThatHears((asked) => {
      if (asked.method === 'POST') posted.push(asked);
      return say(makeCharge());
    });
    expect(pingpp.scenes.some((scene) => pingpp.canClose(scene))).toBe(false);
    await pingpp.close(KNOWN);
    expect(posted).toEqual([]);
  });
});

it.each([
  ['an API key that is none', { apiKey: 'pk_live_x' }],
  ['a public key that is none', { publicKey: 'x' }],
])('is not configured with %s', async (_what, changes) => {
  const error = await failureOf(() => createPingpp(pingppConfig('http://127.0.0.1:9', changes)));
  expect(error.code).toBe('channel_not_configured');
});
