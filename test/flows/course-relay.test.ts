/** S7: how a relay of course payments says who it is, and what its word is worth. */
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChannels } from '../../channels/index.js';
import { newSigningSecret } from '../../outgoing/signature.js';
import { type CourseStage, type Fields, openCourse } from '../support/course.js';

const SECRET = newSigningSecret();
const PATH_SECRET = 'a-secret-of-the-path';
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let ids = 0;

/** As Standard Webhooks signs a text. */
function signed(payload: string, { secret = SECRET, shiftMs = 0 } = {}): Record<string, string> {
  ids += 1;
  const at = new Date(Date.now() + shiftMs);
  return {
    'webhook-id': `msg_${ids}`,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(`msg_${ids}`, at, payload),
  };
}

const formOf = (order: Fields, change: Record<string, string> = {}): string =>
  new URLSearchParams({
    result: 'SUCCESS',
    trade_no: String(order['trade_no']),
    third_trade_no: `third-${String(order['id'])}`,
    third_buyer_id: '2088',
    amount: '0.01',
    ...change,
  }).toString();

describe('with COURSE_RELAY_AUTH=hmac', () => {
  let course: CourseStage;
  beforeAll(async () => {
    course = await openCourse({ config: { courseRelay: { auth: 'hmac', secret: SECRET } } });
  });
  afterAll(() => course.close());

  it('takes a form, a JSON body and a query that are signed', async () => {
    const { order } = await course.newOrder();
    const form = formOf(order);
    const json = JSON.stringify(Object.fromEntries(new URLSearchParams(form)));
    const answers = [
      await course.api.send('POST', '/order/alipay', { raw: form, headers: { ...FORM, ...signed(form) } }),
      await course.api.send('POST', '/orders/wxpay', {
        raw: json,
        headers: { 'content-type': 'application/json', ...signed(json) },
      }),
      await course.api.send('GET', `/order/alipay?${form}`, { headers: signed(form) }),
    ];
    expect(answers.map(({ status, json: body }) => [status, body])).toEqual(
      answers.map(() => [200, { code: 0 }]),
    );
  });

  it('W2 refuses what is unsigned, forged, changed or old, and keeps nothing of it', async () => {
    const { order, token } = await course.newOrder();
    const form = formOf(order);
    const send = (headers: Record<string, string>, raw = form) =>
      course.api.send('POST', '/order/alipay', { raw, headers: { ...FORM, ...headers } });
    const refused = [
      await send({}),
      await send(signed(form, { secret: newSigningSecret() })),
      await send(signed(form), formOf(order, { amount: '0.02' })),
      await send(signed(form, { shiftMs: -360_000 })),
      await send(signed(form, { shiftMs: 360_000 })),
      await send({ ...signed(form), 'webhook-signature': 'v1,' }),
      await course.api.send('GET', `/order/alipay?${form}`),
      await course.api.send('POST', `/order/alipay/${encodeURIComponent(SECRET)}`, {
        raw: form,
        headers: FORM,
      }),
    ];
    expect(refused.map(({ status, json }) => [status, json['code']])).toEqual(refused.map(() => [401, 1]));
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '0' });
  });

  it('finds the fields missing in a signed call that has none', async () => {
    const { status, json } = await course.api.send('POST', '/order/alipay', { headers: signed('') });
    expect([status, json['code']]).toEqual([200, 4]);
  });

  it('M7 asks the channel all the same: a signed word alone pays nothing', async () => {
    const { order, token } = await course.newOrder();
    const failed = formOf(order, { result: 'FAIL' });
    const form = formOf(order);
    await course.api.send('POST', '/order/alipay', { raw: form, headers: { ...FORM, ...signed(form) } });
    // It reads as failed once the channel was asked after both.
    await course.api.send('POST', '/order/alipay', { raw: failed, headers: { ...FORM, ...signed(failed) } });
    await course.reads(order, '4', token);
  });
});

describe('with COURSE_RELAY_AUTH=token', () => {
  let course: CourseStage;
  beforeAll(async () => {
    course = await openCourse({ config: { courseRelay: { auth: 'token', secret: PATH_SECRET } } });
  });
  afterAll(() => course.close());

  it('takes the secret in the path, and nothing else', async () => {
    const { order } = await course.newOrder();
    const send = (path: string) => course.api.send('POST', path, { raw: formOf(order), headers: FORM });
    const answers = [
      await send(`/order/alipay/${PATH_SECRET}`),
      await send(`/orders/wxpay/${PATH_SECRET}`),
      await send('/order/alipay'),
      await send('/order/alipay/another-secret-of-it'),
    ];
    expect(answers.map(({ status, json }) => [status, json['code']])).toEqual([
      [200, 0],
      [200, 0],
      [401, 1],
      [401, 1],
    ]);
  });
});

describe('where no channel has credentials', () => {
  let course: CourseStage;
  beforeAll(async () => {
    const config = { courseRelay: { auth: 'hmac' as const, secret: SECRET } };
    course = await openCourse({ channels: createChannels({}), config });
  });
  afterAll(() => course.close());

  it('M1 M5 a signed word is the payment, once, and a later failure changes nothing', async () => {
    const { order, token } = await course.newOrder();
    const form = formOf(order);
    const headers = { ...FORM, ...signed(form) };
    for (let time = 0; time < 3; time += 1) {
      expect((await course.api.send('POST', '/orders/wxpay', { raw: form, headers })).json).toEqual({
        code: 0,
      });
    }
    await course.reads(order, '2', token);
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({
      servicer: '1',
      third_trade_no: `third-${String(order['id'])}`,
      third_buyer_id: '2088',
    });
    const failed = formOf(order, { result: 'FAIL' });
    await course.api.send('POST', '/orders/wxpay', { raw: failed, headers: { ...FORM, ...signed(failed) } });
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '2' });
  });

  it('W2 W3 a word that is unsigned, or about another amount, is none', async () => {
    const { order, token } = await course.newOrder();
    const form = formOf(order);
    expect((await course.api.send('POST', '/order/alipay', { raw: form, headers: FORM })).status).toBe(401);
    const other = formOf(order, { amount: '0.02' });
    const headers = { ...FORM, ...signed(other) };
    expect((await course.api.send('POST', '/order/alipay', { raw: other, headers })).json).toMatchObject({
      code: 7,
    });
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '0' });
  });
});
