import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { Aes, Formatter, Rsa } from 'wechatpay-axios-plugin';
import { orderNo, testReceiver, type Received } from '../../test-support.js';
import { testMerchant, WAYS, type WechatMerchant } from './test-support.js';

let merchant: WechatMerchant;

beforeAll(async () => {
  merchant = await testMerchant();
});

const env = (name: string): string => merchant.env(name);
const create: WechatMerchant['create'] = (...args) => merchant.create(...args);
const query: WechatMerchant['query'] = (no) => merchant.query(no);

function verified({ headers, body }: Received): boolean {
  const key = readFileSync(env('WECHAT_PUBLIC_KEY'), 'utf8');
  expect(headers['wechatpay-serial']).toBe(env('WECHAT_PUBLIC_KEY_ID'));
  const text = Formatter.response(
    String(headers['wechatpay-timestamp']),
    String(headers['wechatpay-nonce']),
    body,
  );
  return Rsa.verify(text, String(headers['wechatpay-signature']), key);
}

async function paidOrder(fault?: object): Promise<{ request: Received; eventId: unknown; no: string }> {
  const receiver = await testReceiver({ status: 204 });
  const no = orderNo();
  await create(no, { notify_url: receiver.url });
  if (fault) await merchant.sandbox.control('POST', '/faults', { channel: 'wechat', ...fault });
  const paid = await merchant.sandbox.control('POST', `/trades/${no}/pay`, {
    paidAt: '2026-11-24T04:05:06Z',
  });
  const [request] = await receiver.until(1);
  if (!request) throw new Error('no notification');
  return { request, eventId: paid.body['eventId'], no };
}

describe('the notification', () => {
  it('is signed over its raw body and holds the transaction, encrypted by the APIv3 key', async () => {
    const { request, eventId, no } = await paidOrder();
    expect(verified(request)).toBe(true);
    expect(verified({ ...request, body: request.body.replace('TRANSACTION', 'TRANSACTIOM') })).toBe(false);
    const event = JSON.parse(request.body) as { resource: Record<string, string> };
    expect(event).toMatchObject({
      id: eventId,
      resource_type: 'encrypt-resource',
      event_type: 'TRANSACTION.SUCCESS',
      summary: '支付成功',
      resource: { original_type: 'transaction', algorithm: 'AEAD_AES_256_GCM' },
    });
    const { ciphertext = '', nonce = '', associated_data = '' } = event.resource;
    const open = (text: string): string =>
      Aes.AesGcm.decrypt(text, env('WECHAT_API_V3_KEY'), nonce, associated_data);
    expect(JSON.parse(open(ciphertext))).toEqual((await query(no)).data);
    const bytes = Buffer.from(ciphertext, 'base64');
    bytes[3] = (bytes[3] ?? 0) ^ 1;
    expect(() => open(bytes.toString('base64'))).toThrow();
  });

  it('is changed after signing under the tamper fault', async () => {
    const { request } = await paidOrder({ tamper: true });
    expect(verified(request)).toBe(false);
  });

  it('carries a probe that no key verifies under the signtest fault', async () => {
    const { request } = await paidOrder({ signtest: true });
    const signature = String(request.headers['wechatpay-signature']);
    expect(signature).toMatch(/^WECHATPAY\/SIGNTEST\//);
    expect(verified(request)).toBe(false);
    const stripped = signature.replace('WECHATPAY/SIGNTEST/', '');
    expect(verified({ ...request, headers: { ...request.headers, 'wechatpay-signature': stripped } })).toBe(
      false,
    );
  });
});

describe('h5_url', () => {
  it('leads to the cashier and, once paid, back to redirect_url', async () => {
    const no = orderNo();
    const { data } = await create(no, WAYS[3][1], 'h5');
    const back = 'http://127.0.0.1:9/done?order=1';
    const link = `${String(data['h5_url'])}&redirect_url=${encodeURIComponent(back)}`;
    const cashier = await fetch(link, { redirect: 'manual' });
    expect(cashier.status).toBe(302);
    const paid = await fetch(`${cashier.headers.get('location')}/pay`, {
      method: 'POST',
      redirect: 'manual',
    });
    expect(paid.headers.get('location')).toBe(back);
    expect((await query(no)).data).toMatchObject({ trade_state: 'SUCCESS', trade_type: 'MWEB' });
  });

  it('opens nothing for a prepay_id that was never given out', async () => {
    const link = new URL('/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1', env('WECHAT_BASE_URL'));
    expect(await (await fetch(link, { redirect: 'manual' })).text()).toContain('支付请求已失效');
  });
});

describe('what the buyer’s device got', () => {
  it('is found by its code, however the merchant wrapped it', async () => {
    const no = orderNo();
    const { data } = await create(no, WAYS[1][1], 'jsapi');
    const credential = {
      appId: env('WECHAT_APP_ID'),
      package: `prepay_id=${String(data['prepay_id'])}`,
      paySign: 'c2lnbmF0dXJl',
    };
    const opened = await merchant.sandbox.control('POST', '/trades', { channel: 'wechat', credential });
    expect(opened.body).toMatchObject({ outTradeNo: no, buyer: 'openid-1' });
    const unknown = { channel: 'wechat', credential: 'prepay_id=wx0' };
    expect(await merchant.sandbox.control('POST', '/trades', unknown)).toMatchObject({
      status: 400,
      body: { error: { code: 'bad_credential' } },
    });
  });
});
