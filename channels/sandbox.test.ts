/** Every channel against the local providers: real signatures both ways, over real sockets. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import type { Scene } from '../domain/order.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import type { Attempt } from './channel.js';
import { type Merchant, type MerchantChannel, openMerchant } from './test-merchant.js';
import { type Receiver, startReceiver } from './test-receiver.js';
import { failureOf, makeKnown } from './test-support.js';

// Alipay's first pause of 4 minutes then takes 0.24 s.
const SPEED = 1_000;
const PAID_AT = '2026-02-28T16:30:00.000Z';

let home: string;
let sandbox: Sandbox;
let receiver: Receiver;
let merchant: Merchant;
let channels: Merchant['channels'];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'channels-'));
  sandbox = await startSandbox({ home, port: 0, speed: SPEED });
  receiver = await startReceiver();
  merchant = await openMerchant(sandbox, receiver);
  ({ channels } = merchant);
});

afterEach(async () => {
  await control('DELETE', '/faults');
});

afterAll(async () => {
  await sandbox.close();
  await receiver.stop();
  await rm(home, { recursive: true });
});

const control: Merchant['control'] = (method, path, body) => merchant.control(method, path, body);
const attempt = (scene: Scene) => merchant.attempt(scene);
const pay = (no: string, body: object = {}) => control('POST', `/trades/${no}/pay`, body);

const KEY_REFUSED = {
  alipay: 'isv.invalid-signature',
  wechat: 'SIGN_ERROR',
  pingpp: 'signature_invalid',
  stripe: 'invalid_request_error',
} as const;

const SCENES: [MerchantChannel, Scene, string[]][] = [
  ['alipay', 'qr', ['qrCode']],
  ['alipay', 'app', ['orderString']],
  ['alipay', 'h5', ['url']],
  ['alipay', 'page', ['url']],
  ['alipay', 'jsapi', ['tradeNo']],
  ['wechat', 'qr', ['codeUrl']],
  ['wechat', 'app', ['appid', 'noncestr', 'package', 'partnerid', 'prepayid', 'sign', 'timestamp']],
  ['wechat', 'h5', ['h5Url']],
  ['wechat', 'jsapi', ['appId', 'nonceStr', 'package', 'paySign', 'signType', 'timeStamp']],
  ['pingpp', 'qr', ['charge', 'chargeId', 'qrCode']],
  ['pingpp', 'app', ['charge', 'chargeId']],
  ['pingpp', 'h5', ['charge', 'chargeId', 'url']],
  ['pingpp', 'page', ['charge', 'chargeId', 'url']],
  ['pingpp', 'jsapi', ['charge', 'chargeId']],
  ['pingpp', 'wx', ['charge', 'chargeId']],
  ['pingpp', 'wx_lite', ['charge', 'chargeId']],
  ['pingpp', 'wx_pub_qr', ['charge', 'chargeId', 'qrCode']],
  ['pingpp', 'wx_wap', ['charge', 'chargeId', 'url']],
  ['pingpp', 'upacp', ['charge', 'chargeId']],
  ['pingpp', 'upacp_wap', ['charge', 'chargeId', 'url']],
  ['stripe', 'qr', ['paymentIntent', 'qrCode']],
  ['stripe', 'page', ['paymentIntent', 'url']],
  ['stripe', 'h5', ['paymentIntent', 'url']],
  ['stripe', 'app', ['clientSecret', 'paymentIntent']],
];

describe.each(SCENES)('%s %s', (name, scene, credentialFields) => {
  it('is opened, paid, notified and found paid, to the fen and the second', async () => {
    const channel = channels[name];
    const one = attempt(scene);
    const credential = await channel.create(one);
    expect(Object.keys(credential).sort()).toEqual(credentialFields);
    const known = makeKnown(one.outTradeNo, credential);
    expect(await channel.query(known)).toEqual({ state: 'unpaid' });

    if (credential['orderString'] ?? credential['url']) {
      await control('POST', '/trades', { channel: name, credential });
    }
    await pay(one.outTradeNo, { paidAt: PAID_AT });
    const notification = channel.verifyNotification(await receiver.next(one.outTradeNo));
    const payment = {
      outTradeNo: one.outTradeNo,
      providerTradeNo: expect.any(String),
      amountFen: one.amountFen,
      currency: 'CNY',
      merchant: channel.merchant,
      paidAt: new Date(PAID_AT),
    };
    expect(notification).toMatchObject({ kind: 'paid', outTradeNo: one.outTradeNo, payment });
    const found = await channel.query(known);
    expect(found).toEqual({
      state: 'paid',
      payment: notification.kind === 'paid' ? notification.payment : null,
    });
  });
});

describe.each(['alipay', 'wechat', 'pingpp', 'stripe'] as const)('%s', (name) => {
  /** Posts the attempt, and answers how its channel is asked about it from then on. */
  const post = async (one: Attempt) => makeKnown(one.outTradeNo, await channels[name].create(one));

  it('finds the payment when the payer was faster than the close', async () => {
    const one = attempt('qr');
    const known = await post(one);
    await pay(one.outTradeNo, { notify: false });
    expect(await channels[name].close(known)).toMatchObject({
      state: 'paid',
      payment: { amountFen: one.amountFen },
    });
    expect((await failureOf(() => channels[name].create(one))).code).toBe('channel_unknown_outcome');
  });

  it('says that a trade nobody has opened can still be paid, and closes nothing', async () => {
    const { outTradeNo } = attempt('qr');
    expect(await channels[name].query(makeKnown(outTradeNo))).toEqual({ state: 'unpaid' });
    expect(await channels[name].close(makeKnown(outTradeNo))).toEqual({ state: 'unpaid' });
  });

  it('does not know anything while the provider fails', async () => {
    const one = attempt('qr');
    await control('POST', '/faults', { channel: name, errorRate: 1 });
    expect((await failureOf(() => channels[name].create(one))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => channels[name].query(makeKnown(one.outTradeNo)))).code).toBe(
      'channel_unknown_outcome',
    );
    expect((await failureOf(() => channels[name].close(makeKnown(one.outTradeNo)))).code).toBe(
      'channel_unknown_outcome',
    );
  });

  const forgeries: [object, string][] = [
    [{ tamper: true }, 'signature'],
    [{ wrongKey: true }, 'signature'],
  ];
  if (name === 'wechat') forgeries.push([{ signtest: true }, 'signature_probe']);

  it.each(forgeries)('W2: refuses a notification under %j', async (fault, reason) => {
    const one = attempt('qr');
    await channels[name].create(one);
    await control('POST', '/faults', { channel: name, ...fault });
    await pay(one.outTradeNo);
    const raw = await receiver.next(one.outTradeNo);
    const error = await failureOf(() => channels[name].verifyNotification(raw));
    expect(error).toMatchObject({ code: 'notification_refused', details: { channel: name, reason } });
  });

  it('W3: names another merchant and another amount as they are', async () => {
    const one = attempt('qr');
    await channels[name].create(one);
    await control('POST', '/faults', { channel: name, wrongMerchant: true, wrongAmount: true });
    await pay(one.outTradeNo);
    const notification = channels[name].verifyNotification(await receiver.next(one.outTradeNo));
    if (notification.kind !== 'paid') throw new Error('a payment was expected');
    expect(notification.payment.merchant).not.toBe(channels[name].merchant);
    expect(notification.payment.amountFen).not.toBe(one.amountFen);
  });

  it('keeps its event key when it is sent again, and ends by our word for success', async () => {
    const one = attempt('qr');
    await channels[name].create(one);
    const { failure, success } = channels[name].acknowledgement;
    receiver.answerNext(one.outTradeNo, failure, success);
    await pay(one.outTradeNo);
    const first = channels[name].verifyNotification(await receiver.next(one.outTradeNo));
    const second = channels[name].verifyNotification(await receiver.next(one.outTradeNo));
    expect(second.eventKey).toBe(first.eventKey);
  });

  it('is refused, and asks in vain, with a key that is not ours', async () => {
    const stranger = merchant.stranger(name);
    const one = attempt('qr');
    const providerCode = KEY_REFUSED[name];
    const refused = await failureOf(() => stranger.create(one));
    expect(refused).toMatchObject({ code: 'channel_refused', details: { providerCode } });
    expect((await failureOf(() => stranger.query(makeKnown(one.outTradeNo)))).code).toBe(
      'channel_unknown_outcome',
    );
  });
});

// Ping++ opens another charge each time; pingpp-sandbox.test.ts says what comes of that.
describe.each(['alipay', 'wechat', 'stripe'] as const)('%s, which takes a number once', (name) => {
  /** Posts the attempt, and answers how its channel is asked about it from then on. */
  const post = async (one: Attempt) => makeKnown(one.outTradeNo, await channels[name].create(one));

  it('opens one trade, however often the attempt is posted', async () => {
    const one = attempt('qr');
    await channels[name].create(one);
    await channels[name].create(one);
    const listed = await control('GET', `/trades?channel=${name}&outTradeNo=${one.outTradeNo}`);
    expect(listed).toMatchObject({ data: [{ outTradeNo: one.outTradeNo, amount: one.amountFen }] });
  });

  it('closes an unpaid trade, so that it cannot be opened again', async () => {
    const one = attempt('qr');
    const known = await post(one);
    expect(await channels[name].close(known)).toEqual({ state: 'closed' });
    expect(await channels[name].query(known)).toEqual({ state: 'closed' });
    expect((await failureOf(() => channels[name].create(one))).code).toBe('channel_refused');
  });

  it.each<object>([{ requestTimeout: true }, { hangMs: 30_000, times: 1 }])(
    'does not know what became of a create under %j, and opens no second trade afterwards',
    async (fault) => {
      const one = attempt('qr');
      await control('POST', '/faults', { channel: name, ...fault });
      expect((await failureOf(() => channels[name].create(one))).code).toBe('channel_unknown_outcome');
      await channels[name].create(one);
      const listed = await control('GET', `/trades?channel=${name}&outTradeNo=${one.outTradeNo}`);
      expect((listed as { data: unknown[] }).data).toHaveLength(1);
    },
  );

  it('is refused when the same number comes with another amount', async () => {
    const one = attempt('qr');
    await channels[name].create(one);
    const dearer = { ...one, amountFen: fen(9900) };
    expect((await failureOf(() => channels[name].create(dearer))).code).toBe('channel_refused');
  });
});
