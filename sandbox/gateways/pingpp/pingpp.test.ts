/** The official Ping++ client against the local one: what it sends is taken, and its forgeries are refused. */
import { createHash, createVerify, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { orderNo, testReceiver } from '../../test-support.js';
import { called, pingppClient, testMerchant, type Body, type PingppMerchant } from './test-support.js';

let merchant: PingppMerchant;
beforeAll(async () => {
  merchant = await testMerchant();
});

const pay = (no: string, body: object = {}) => merchant.sandbox.control('POST', `/trades/${no}/pay`, body);
const retrieve = (id: string) => called((done) => merchant.sdk.charges.retrieve(id, done));
const refund = (id: string, body: Body) =>
  called((done) => merchant.sdk.charges.createRefund(id, body, done)) as Promise<Body & { id: string }>;

const WECHAT_JS = ['appId', 'nonceStr', 'package', 'paySign', 'signType', 'timeStamp'];
const MAPI = [
  '_input_charset',
  'body',
  'channel_url',
  'it_b_pay',
  'notify_url',
  'out_trade_no',
  'partner',
  'payment_type',
  'return_url',
  'seller_id',
  'service',
  'sign',
  'sign_type',
  'subject',
  'total_fee',
];
const RETURN = { extra: { success_url: 'http://shop.example.com/done' } };
const inHours = (hours: number): number => Math.floor(Date.now() / 1000) + hours * 3_600;
const PAYER = { extra: { open_id: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o' } };

describe('a charge', () => {
  it.each<[channel: string, changes: Body, held: string[] | RegExp]>([
    ['alipay', {}, ['orderInfo']],
    ['alipay_wap', RETURN, MAPI],
    ['alipay_pc_direct', RETURN, MAPI],
    ['alipay_qr', {}, /^https:\/\/qr\.alipay\.com\/[0-9a-z]+$/],
    ['wx', {}, ['appId', 'nonceStr', 'packageValue', 'partnerId', 'prepayId', 'sign', 'timeStamp']],
    ['wx_pub', PAYER, WECHAT_JS],
    ['wx_lite', PAYER, WECHAT_JS],
    ['wx_pub_qr', { extra: { product_id: 'tickets' } }, /^weixin:\/\/wxpay\/bizpayurl\?pr=/],
    ['wx_wap', {}, /^http:\/\/127\.0\.0\.1:\d+\/gateway\.do\?charge=ch_/],
    ['upacp', {}, ['mode', 'tn']],
    ['upacp_wap', { extra: { result_url: 'http://shop.example.com/done' } }, ['channel_url', 'charge', 'tn']],
  ])('by %s has the fields of the real one, and what the payer needs', async (channel, changes, held) => {
    const no = orderNo();
    const charge = await merchant.create(no, { channel, ...changes });
    expect(charge).toMatchObject({
      id: expect.stringMatching(/^ch_[0-9A-Za-z]{24}$/),
      object: 'charge',
      livemode: false,
      paid: false,
      refunded: false,
      reversed: false,
      app: merchant.appId,
      channel,
      order_no: no,
      amount: 1234,
      currency: 'cny',
      time_paid: null,
      transaction_no: null,
      refunds: { object: 'list', url: `/v1/charges/${charge.id}/refunds`, has_more: false, data: [] },
      credential: { object: 'credential' },
    });
    const life = channel.startsWith('upacp') ? 3_600 : 86_400;
    expect(Number(charge['time_expire']) - Number(charge['created'])).toBeCloseTo(life, -1);
    const given = (charge['credential'] as Body)[channel];
    if (held instanceof RegExp) expect(given).toMatch(held);
    else expect(Object.keys(given as object).sort()).toEqual(held);
    expect(await retrieve(charge.id)).toEqual(charge);
  });

  it('is signed for Alipay’s old gateway by RSA with SHA-1, over its fields in order', async () => {
    const charge = await merchant.create(orderNo(), { channel: 'alipay_wap', ...RETURN });
    const held = (charge['credential'] as Record<string, Record<string, string>>)['alipay_wap'] ?? {};
    const { sign = '', sign_type, channel_url, ...fields } = held;
    const text = Object.keys(fields)
      .sort()
      .map((name) => `${name}=${fields[name]}`)
      .join('&');
    const key = readFileSync(merchant.sandbox.environment['PINGPP_PUBLIC_KEY'] ?? '', 'utf8');
    expect(createVerify('RSA-SHA1').update(text, 'utf8').verify(key, sign, 'base64')).toBe(true);
    expect([sign_type, channel_url]).toEqual([
      'RSA',
      `${merchant.sandbox.environment['PINGPP_BASE_URL']}/gateway.do`,
    ]);
    // A browser that follows it comes to the cashier.
    const url = `${channel_url}?${new URLSearchParams({ ...fields, sign }).toString()}`;
    const answer = await fetch(url, { redirect: 'manual' });
    expect(answer.headers.get('location')).toMatch(new RegExp(`/cashier/${charge.id}$`));
  });

  it('is paid once its payer pays, and says so', async () => {
    const no = orderNo();
    const { id } = await merchant.create(no);
    await pay(no, { paidAt: '2026-11-24T12:00:00+08:00', notify: false });
    expect(await retrieve(id)).toMatchObject({
      paid: true,
      time_paid: Date.parse('2026-11-24T12:00:00+08:00') / 1000,
      transaction_no: expect.stringMatching(/^\d{28}$/),
      credential: {},
    });
  });

  it('of a number may be there twice until one is paid', async () => {
    const no = orderNo();
    const [first, second] = [await merchant.create(no), await merchant.create(no)];
    expect(first.id).not.toBe(second.id);
    await pay(first.id, { notify: false });
    await expect(merchant.create(no)).rejects.toMatchObject({
      type: 'PingppInvalidRequest',
      param: 'order_no',
    });
    await pay(second.id, { notify: false });
    expect(await retrieve(second.id)).toMatchObject({ paid: true });
  });

  it('that is reversed cannot be paid, and what was paid is back', async () => {
    const [open, paid] = [await merchant.create(orderNo()), await merchant.create(orderNo())];
    await pay(paid.id, { notify: false });
    for (const { id } of [open, paid]) {
      expect(await called((done) => merchant.sdk.charges.reverse(id, done))).toMatchObject({
        reversed: true,
      });
    }
    expect((await pay(open.id)).status).toBe(409);
    expect((await merchant.sandbox.control('GET', `/trades/${paid.id}`)).body).toMatchObject({
      refundedAmount: 1234,
    });
  });

  it.each<[what: string, changes: Body, param: string]>([
    ['an amount in yuan', { amount: 0.01 }, 'amount'],
    ['no amount', { amount: 0 }, 'amount'],
    ['another app', { app: { id: 'app_other' } }, 'app[id]'],
    ['a channel that is none', { channel: 'paypal' }, 'channel'],
    ['a subject of 33 characters', { subject: '票'.repeat(33) }, 'subject'],
    ['a number with a hyphen', { order_no: 'a-b' }, 'order_no'],
    ['no payer', { channel: 'wx_pub' }, 'extra[open_id]'],
    ['no way back', { channel: 'alipay_wap' }, 'extra[success_url]'],
    ['no way back from UnionPay', { channel: 'upacp_wap' }, 'extra[result_url]'],
    ['no product', { channel: 'wx_pub_qr' }, 'extra[product_id]'],
    ['an expiry that is past', { time_expire: 1 }, 'time_expire'],
    ['an expiry in 2 h at UnionPay', { channel: 'upacp', time_expire: inHours(2) }, 'time_expire'],
    ['an expiry in 16 days', { time_expire: Math.floor(Date.now() / 1000) + 16 * 86_400 }, 'time_expire'],
  ])('is refused with %s', async (_what, changes, param) => {
    await expect(merchant.create(orderNo(), changes)).rejects.toMatchObject({
      type: 'PingppInvalidRequest',
      param,
    });
  });
});

describe('a list', () => {
  it('holds the newest first, page by page, in both directions', async () => {
    const at = 1_795_000_000_000;
    let clock = at;
    const own = await testMerchant({ now: () => clock });
    const made: string[] = [];
    for (let nth = 0; nth < 5; nth += 1) {
      clock = at + nth * 1_000;
      made.unshift((await own.create(orderNo())).id);
    }
    await own.sandbox.control('POST', `/trades/${made[4]}/pay`, { notify: false });
    const ids = async (query: Body) => {
      const listed = await called((done) => own.sdk.charges.list({ app: { id: own.appId }, ...query }, done));
      return [(listed['data'] as { id: string }[]).map(({ id }) => made.indexOf(id)), listed['has_more']];
    };
    expect(await ids({ limit: 2 })).toEqual([[0, 1], true]);
    expect(await ids({ limit: 2, starting_after: made[1] })).toEqual([[2, 3], true]);
    expect(await ids({ limit: 2, starting_after: made[3] })).toEqual([[4], false]);
    expect(await ids({ ending_before: made[2] })).toEqual([[0, 1], false]);
    expect(await ids({ paid: true })).toEqual([[4], false]);
    const second = at / 1000;
    expect(await ids({ created: { gte: second + 1, lt: second + 3 } })).toEqual([[2, 3], false]);
    clock += 31 * 86_400_000;
    expect(await ids({})).toEqual([[], false]);
    await expect(ids({ limit: 101 })).rejects.toMatchObject({ type: 'PingppInvalidRequest' });
  });
});

describe('a refund', () => {
  it('is pending, then has succeeded; each call makes one of its own', async () => {
    const { id } = await merchant.create(orderNo());
    await pay(id, { notify: false });
    const [one, other] = [
      await refund(id, { amount: 400, description: 'r1 broken' }),
      await refund(id, { amount: 400, description: 'r1 broken' }),
    ];
    expect(one).toMatchObject({ status: 'pending', succeed: false, charge: id, description: 'r1 broken' });
    expect(one.id).not.toBe(other.id);
    await merchant.sandbox.control('POST', `/refunds/${one.id}/settle`, { result: 'success' });
    await merchant.sandbox.control('POST', `/refunds/${other.id}/settle`, { result: 'fail' });
    const read = await called((done) => merchant.sdk.charges.retrieveRefund(id, one.id, done));
    expect(read).toMatchObject({ status: 'succeeded', succeed: true, time_succeed: expect.any(Number) });
    const listed = await called((done) => merchant.sdk.charges.listRefunds(id, { limit: 5 }, done));
    expect(listed['data']).toMatchObject([{ id: other.id, status: 'failed' }, { id: one.id }]);
    expect(await retrieve(id)).toMatchObject({ refunded: true, amount_refunded: 400 });
  });

  it('is refused without a description, above what is left, and of what nobody paid', async () => {
    const { id } = await merchant.create(orderNo());
    const refusal = { type: 'PingppInvalidRequest' };
    await expect(refund(id, { description: 'x' })).rejects.toMatchObject(refusal);
    await pay(id, { notify: false });
    await expect(refund(id, { amount: 1 })).rejects.toMatchObject({ ...refusal, param: 'description' });
    await refund(id, { amount: 1_000, description: 'x' });
    await expect(refund(id, { amount: 235, description: 'x' })).rejects.toMatchObject({
      ...refusal,
      param: 'amount',
    });
    expect(await refund(id, { description: 'the rest' })).toMatchObject({ amount: 234 });
  });
});

describe('who calls', () => {
  it('is refused with a key that is none, and with a signature that is another’s', async () => {
    const { environment } = merchant.sandbox;
    const strangers = [
      pingppClient(environment, { apiKey: 'sk_test_other' }),
      pingppClient(environment, { privateKeyPath: environment['ALIPAY_PRIVATE_KEY'] ?? '' }),
    ];
    for (const sdk of strangers) {
      const call = called((done) => sdk.charges.create(merchant.order(orderNo()), done));
      await expect(call).rejects.toMatchObject({ type: 'PingppAuthenticationError' });
    }
  });

  it('is refused when anything of a call is changed on its way', async () => {
    const base = merchant.sandbox.environment['PINGPP_BASE_URL'] ?? '';
    const answer = await fetch(`${base}/v1/charges`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${merchant.sandbox.environment['PINGPP_API_KEY']}:`)}` },
      body: JSON.stringify(merchant.order(orderNo())),
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      401,
      { error: { type: 'invalid_request_error', code: 'signature_invalid' } },
    ]);
  });
});

describe('an event', () => {
  it('is the charge as it is, signed over its bytes, and sent again on schedule until a 2xx', async () => {
    const receiver = await testReceiver({ status: 500 });
    receiver.answer = (nth) => ({ status: nth < 2 ? 500 : 204 });
    await merchant.sandbox.control('PUT', '/webhooks', { channel: 'pingpp', url: receiver.url });
    const { id } = await merchant.create(orderNo());
    await pay(id);
    const received = await receiver.until(3);
    const key = readFileSync(merchant.sandbox.environment['PINGPP_PUBLIC_KEY'] ?? '', 'utf8');
    for (const { body, headers } of received) {
      const signature = Buffer.from(String(headers['x-pingplusplus-signature']), 'base64');
      expect(verify('RSA-SHA256', Buffer.from(body), key, signature)).toBe(true);
    }
    const hashes = received.map(({ body }) => createHash('sha256').update(body).digest('hex'));
    expect(new Set(hashes).size).toBe(1);
    expect(JSON.parse(received[0]?.body ?? '')).toEqual({
      id: expect.stringMatching(/^evt_[0-9A-Za-z]{24}$/),
      created: expect.any(Number),
      livemode: false,
      type: 'charge.succeeded',
      data: { object: await retrieve(id) },
      object: 'event',
      pending_webhooks: 0,
      request: expect.stringMatching(/^iar_/),
    });
  });
});

it('a transfer is pending, then paid, and its number is taken once', async () => {
  const body = {
    order_no: orderNo(),
    app: { id: merchant.appId },
    channel: 'alipay',
    amount: 500,
    currency: 'cny',
    type: 'b2c',
    recipient: 'seller@example.com',
    description: '提现',
    extra: { recipient_name: '张三' },
  };
  const create = () => called((done) => merchant.sdk.transfers.create(body, done));
  const made = await create();
  expect(made).toMatchObject({ object: 'transfer', status: 'pending', order_no: body.order_no });
  await expect(create()).rejects.toMatchObject({ param: 'order_no' });
  await merchant.sandbox.control('POST', `/payouts/${body.order_no}/settle`, { result: 'success' });
  const read = await called((done) => merchant.sdk.transfers.retrieve(String(made['id']), done));
  expect(read).toMatchObject({ status: 'paid', time_transferred: expect.any(Number) });
  const listed = await called((done) => merchant.sdk.transfers.list({ app: { id: merchant.appId } }, done));
  expect(listed).toMatchObject({ object: 'list', data: [read] });
});
