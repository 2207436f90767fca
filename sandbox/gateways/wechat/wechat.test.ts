import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { Formatter, Rsa } from 'wechatpay-axios-plugin';
import { orderNo, testSandbox, wechatClient } from '../../test-support.js';
import { orderOf, testMerchant, WAYS, type WechatMerchant } from './test-support.js';

let merchant: WechatMerchant;

beforeAll(async () => {
  merchant = await testMerchant();
});

const env = (name: string): string => merchant.env(name);
const create: WechatMerchant['create'] = (...args) => merchant.create(...args);
const query: WechatMerchant['query'] = (no) => merchant.query(no);
const close: WechatMerchant['close'] = (no) => merchant.close(no);
const PATH = '/v3/pay/transactions/native';

/** The time of a request, seconds since the epoch, shifted by some. */
function clock(shift = 0): number {
  return Math.floor(Date.now() / 1000) + shift;
}

/** Signs one body and sends another. */
function send(signedBody: string, sentBody: string, at: number, scheme?: string): Promise<Response> {
  const privateKey = readFileSync(env('WECHAT_PRIVATE_KEY'), 'utf8');
  const signature = Rsa.sign(Formatter.request('POST', PATH, at, 'n', signedBody), privateKey);
  const header = Formatter.authorization(env('WECHAT_MCH_ID'), 'n', signature, at, env('WECHAT_SERIAL'));
  return fetch(new URL(PATH, env('WECHAT_BASE_URL')), {
    method: 'POST',
    headers: { authorization: scheme ? header.replace(/^\S+/, scheme) : header },
    body: sentBody,
  });
}

describe('creating', () => {
  const shapes = {
    native: { code_url: expect.stringMatching(/^weixin:\/\/wxpay\/bizpayurl\?pr=\w+$/) },
    jsapi: { prepay_id: expect.stringMatching(/^wx\w{36}$/) },
    app: { prepay_id: expect.stringMatching(/^wx\w{36}$/) },
    h5: { h5_url: expect.stringContaining('/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx') },
  };

  it.each(WAYS)(
    '%s: answers its credential under a signature that the client verifies',
    async (way, extra) => {
      const no = orderNo();
      expect(await create(no, extra, way)).toMatchObject({ status: 200, data: shapes[way] });
      expect((await query(no)).data).toMatchObject({ trade_state: 'NOTPAY', amount: { total: 1234 } });
    },
  );

  it.each(WAYS)(
    '%s: the same order again gives a fresh credential for the same trade',
    async (way, extra) => {
      const no = orderNo();
      const [first, second] = [await create(no, extra, way), await create(no, extra, way)];
      expect(second.status).toBe(200);
      expect(second.data).not.toEqual(first.data);
      expect((await merchant.sandbox.control('GET', `/trades?outTradeNo=${no}`)).data).toHaveLength(1);
    },
  );

  it('refuses the number for other parameters, a paid order and a closed one', async () => {
    const [other, paid, closed] = [orderNo(), orderNo(), orderNo()];
    for (const no of [other, paid, closed]) await create(no);
    await merchant.sandbox.control('POST', `/trades/${paid}/pay`);
    await close(closed);
    const dearer = { amount: { total: 1235, currency: 'CNY' } };
    expect(await create(other, dearer)).toMatchObject({ status: 400, data: { code: 'INVALID_REQUEST' } });
    expect(await create(other, {}, 'app')).toMatchObject({ status: 400, data: { code: 'INVALID_REQUEST' } });
    expect(await create(paid)).toMatchObject({ status: 400, data: { code: 'ORDERPAID' } });
    expect(await create(closed)).toMatchObject({ status: 400, data: { code: 'ORDER_CLOSED' } });
  });

  it.each([
    ['no amount', { amount: undefined }, '/amount'],
    ['an amount of nothing', { amount: { total: 0 } }, '/amount/total'],
    ['half a fen', { amount: { total: 1.5 } }, '/amount/total'],
    ['another currency', { amount: { total: 1, currency: 'USD' } }, '/amount/currency'],
    ['a short number', { out_trade_no: 'short' }, '/out_trade_no'],
    ['a notify_url with a query', { notify_url: 'http://127.0.0.1:9/n?a=1' }, '/notify_url'],
    ['a time that is past', { time_expire: '2001-01-01T00:00:00+08:00' }, '/time_expire'],
    ['a time without a zone', { time_expire: '2099-01-01T00:00:00' }, '/time_expire'],
    ['another merchant', { mchid: '1900000000' }, '/mchid'],
  ])('refuses %s and names the field', async (_what, change, field) => {
    expect(await create(orderNo(), change)).toMatchObject({
      status: 400,
      data: { code: 'PARAM_ERROR', detail: { field, location: 'body' } },
    });
  });

  it('refuses a jsapi order without an openid and an h5 order without its scene', async () => {
    expect((await create(orderNo(), {}, 'jsapi')).data).toMatchObject({ detail: { field: '/payer/openid' } });
    expect((await create(orderNo(), {}, 'h5')).data).toMatchObject({ code: 'PARAM_ERROR' });
  });

  it('refuses an app that is not the merchant’s', async () => {
    expect(await create(orderNo(), { appid: 'wx1' })).toMatchObject({
      status: 400,
      data: { code: 'APPID_MCHID_NOT_MATCH' },
    });
  });
});

describe('querying and closing', () => {
  it('answers a paid order by either number, with what was paid, by whom and when', async () => {
    const no = orderNo();
    await create(no, { attach: 'a=1' });
    const paid = await merchant.sandbox.control('POST', `/trades/${no}/pay`, {
      buyer: 'openid-2',
      paidAt: '2026-11-24T04:05:06Z',
    });
    const { data } = await query(no);
    expect(data).toEqual({
      appid: env('WECHAT_APP_ID'),
      mchid: env('WECHAT_MCH_ID'),
      out_trade_no: no,
      transaction_id: paid.body['tradeNo'],
      bank_type: 'OTHERS',
      trade_type: 'NATIVE',
      trade_state: 'SUCCESS',
      trade_state_desc: '支付成功',
      attach: 'a=1',
      success_time: '2026-11-24T12:05:06+08:00',
      payer: { openid: 'openid-2' },
      amount: { total: 1234, currency: 'CNY', payer_total: 1234, payer_currency: 'CNY' },
    });
    expect((await merchant.get(`v3/pay/transactions/id/${String(data['transaction_id'])}`)).data).toEqual(
      data,
    );
  });

  it('does not show a transaction id before there is a transaction', async () => {
    const no = orderNo();
    await create(no);
    const { tradeNo } = (await merchant.sandbox.control('GET', `/trades/${no}`)).body;
    expect((await query(no)).data).not.toHaveProperty('transaction_id');
    expect(await merchant.get(`v3/pay/transactions/id/${String(tradeNo)}`)).toMatchObject({ status: 404 });
  });

  it('closes an unpaid order with a signed 204, again and again, and never a paid one', async () => {
    const [open, paid] = [orderNo(), orderNo()];
    await create(open);
    await create(paid);
    await merchant.sandbox.control('POST', `/trades/${paid}/pay`);
    expect((await close(open)).status).toBe(204);
    expect((await close(open)).status).toBe(204);
    expect((await query(open)).data).toMatchObject({ trade_state: 'CLOSED' });
    expect(await close(paid)).toMatchObject({ status: 400, data: { code: 'ORDER_PAID' } });
  });

  it('knows nothing of an order that was never created', async () => {
    const missing = { status: 404, data: { code: 'ORDER_NOT_EXIST' } };
    expect(await query(orderNo())).toMatchObject(missing);
    expect(await close(orderNo())).toMatchObject(missing);
  });

  it('wants the merchant’s number in a query', async () => {
    expect(await merchant.get(`v3/pay/transactions/out-trade-no/${orderNo()}`, {})).toMatchObject({
      status: 400,
      data: { code: 'PARAM_ERROR', detail: { field: 'mchid', location: 'query' } },
    });
  });

  it('says PAYERROR for a payment that failed', async () => {
    const no = orderNo();
    await create(no);
    await merchant.sandbox.control('POST', `/trades/${no}/fail`);
    expect((await query(no)).data).toMatchObject({ trade_state: 'PAYERROR' });
  });

  it('closes the order when its time is over', async () => {
    let now = Date.parse('2026-11-24T03:59:59.999Z');
    const late = await testSandbox({ now: () => now });
    const no = orderNo();
    const body = orderOf(late.environment, no, { time_expire: '2026-11-24T12:00:00+08:00' });
    await merchant.post('v3/pay/transactions/native', body, wechatClient(late.environment));
    expect((await late.control('GET', `/trades/${no}`)).body).toMatchObject({ providerStatus: 'NOTPAY' });
    now += 1;
    expect((await late.control('GET', `/trades/${no}`)).body).toMatchObject({ providerStatus: 'CLOSED' });
  });
});

describe('who is calling', () => {
  it('refuses another key, serial or merchant with 401 SIGN_ERROR', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const refused = { status: 401, data: { code: 'SIGN_ERROR' } };
    for (const changes of [{ privateKey: pem }, { serial: 'F'.repeat(40) }, { mchid: '1900000000' }]) {
      const stranger = wechatClient(merchant.sandbox.environment, changes);
      const no = orderNo();
      expect(await merchant.post('v3/pay/transactions/native', merchant.order(no), stranger)).toMatchObject(
        refused,
      );
      expect((await merchant.sandbox.control('GET', `/trades/${no}`)).status).toBe(404);
    }
  });

  it('checks the body, the clock and the scheme of a request', async () => {
    const body = JSON.stringify(merchant.order(orderNo()));
    expect((await send(body, body, clock())).status).toBe(200);
    expect((await send(body, body.replace('1234', '0001'), clock())).status).toBe(401);
    expect((await send(body, body, clock(-301))).status).toBe(401);
    expect((await send(body, body, clock(302))).status).toBe(401);
    expect((await send(body, body, clock(), 'WECHATPAY2-SM2-WITH-SM3')).status).toBe(401);
    expect((await fetch(new URL(PATH, env('WECHAT_BASE_URL')), { method: 'POST', body })).status).toBe(401);
  });

  it('answers an unreadable body and an unknown path in WeChat’s form', async () => {
    expect(await (await send('{', '{', clock())).json()).toMatchObject({ code: 'PARAM_ERROR' });
    expect(await merchant.get('v3/nowhere')).toMatchObject({
      status: 404,
      data: { code: 'RESOURCE_NOT_EXISTS' },
    });
  });
});

describe('the answer on its way', () => {
  it('is refused by the client when it was changed', async () => {
    const proxy = createServer((req, res) => {
      void (async () => {
        const target = new URL(req.url ?? '', env('WECHAT_BASE_URL'));
        const answer = await fetch(target, { headers: { authorization: req.headers.authorization ?? '' } });
        const body = (await answer.text()).replace('1234', '9999');
        res.writeHead(answer.status, { ...headersOf(answer), 'content-length': Buffer.byteLength(body) });
        res.end(body);
      })();
    });
    await new Promise<void>((resolve) => {
      proxy.listen(0, '127.0.0.1', resolve);
    });
    const no = orderNo();
    await create(no);
    const fooled = wechatClient(merchant.sandbox.environment, {
      baseURL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/`,
    });
    const asked = fooled
      .chain(`v3/pay/transactions/out-trade-no/${no}`)
      .get({ params: { mchid: env('WECHAT_MCH_ID') } });
    await expect(asked).rejects.toMatchObject({ code: 'EV3_RES_HEADER_SIGNATURE_DIGEST' });
    proxy.closeAllConnections();
    proxy.close();
  });
});

function headersOf(answer: Response): Record<string, string> {
  return Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('wechatpay-')));
}
