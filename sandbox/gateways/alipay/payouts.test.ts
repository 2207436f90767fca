import type { AlipaySdk } from 'alipay-sdk';
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { forms } from '../../notify/test-support.js';
import { tamperingProxy } from '../../test-proxy.js';
import { alipayClient, orderNo, testReceiver, testSandbox, type TestSandbox } from '../../test-support.js';
import { exec } from './test-support.js';

const TRANSFER = 'alipay.fund.trans.uni.transfer';
const QUERY = 'alipay.fund.trans.common.query';
const PRODUCT = { product_code: 'TRANS_ACCOUNT_NO_PWD', biz_scene: 'DIRECT_TRANSFER' };

let sandbox: TestSandbox;
let sdk: AlipaySdk;

beforeAll(async () => {
  sandbox = await testSandbox({ speed: 1 });
  sdk = await alipayClient(sandbox.environment);
});

function order(no: string, changes: object = {}): object {
  return {
    ...PRODUCT,
    out_biz_no: no,
    trans_amount: '5.03',
    order_title: 'Withdrawal / 提现',
    payee_info: { identity: 'seller@example.com', identity_type: 'ALIPAY_LOGON_ID', name: '沈括' },
    ...changes,
  };
}

const query = (no: string): Promise<Record<string, unknown>> =>
  exec(sdk, QUERY, { ...PRODUCT, out_biz_no: no });
const settle = (no: string, result: string): Promise<unknown> =>
  sandbox.control('POST', `/payouts/${no}/settle`, { result });

describe('alipay.fund.trans.uni.transfer', () => {
  it('deals at first, then has paid, under signatures that the official client verifies', async () => {
    const no = orderNo();
    const numbers = { outBizNo: no, orderId: expect.stringMatching(/^\d{8}110070000006\d{12}$/) };
    expect(await exec(sdk, TRANSFER, order(no))).toMatchObject({ ...numbers, status: 'DEALING' });
    expect(await query(no)).toMatchObject({ ...numbers, status: 'DEALING', transAmount: '5.03' });
    await settle(no, 'success');
    const paid = { status: 'SUCCESS', payDate: expect.stringMatching(/^\d{4}-\d\d-\d\d /) };
    expect(await query(no)).toMatchObject({ ...numbers, ...paid });
    expect(await exec(sdk, TRANSFER, order(no))).toMatchObject({ ...numbers, status: 'SUCCESS' });
  });

  it('is asked about by either of Alipay’s numbers too', async () => {
    const no = orderNo();
    const { orderId, payFundOrderId } = await exec(sdk, TRANSFER, order(no));
    expect(await exec(sdk, QUERY, { ...PRODUCT, order_id: orderId })).toMatchObject({ outBizNo: no });
    expect(await exec(sdk, QUERY, { pay_fund_order_id: payFundOrderId })).toMatchObject({ outBizNo: no });
  });

  it.each([
    ['fail', 'FAIL', 'PERMIT_LIMIT_PAYEE'],
    ['abnormal', 'FAIL', 'PAYEE_ACCOUNT_STATUS_ERROR'],
  ])('that ends by %s says %s and why', async (result, status, errorCode) => {
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no));
    await settle(no, result);
    expect(await query(no)).toMatchObject({ status, errorCode, failReason: expect.any(String) });
  });

  it('says REFUND once the receiver’s bank sent it back', async () => {
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no));
    await settle(no, 'success');
    await settle(no, 'bounce');
    expect(await query(no)).toMatchObject({ status: 'REFUND' });
  });

  it.each([
    ['another amount', { trans_amount: '5.04' }],
    [
      'another receiver',
      { payee_info: { identity: 'b@c.de', identity_type: 'ALIPAY_LOGON_ID', name: '沈括' } },
    ],
  ])('refuses %s under the same number', async (_what, changes) => {
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no));
    expect(await exec(sdk, TRANSFER, order(no, changes))).toMatchObject({
      code: '40004',
      subCode: 'PAYMENT_INFO_INCONSISTENCY',
    });
    expect((await sandbox.control('GET', `/payouts?outPayoutNo=${no}`)).data).toHaveLength(1);
  });

  it.each([
    ['PAYEE_NOT_EXIST', { identity: 'nobody@example.com', identity_type: 'ALIPAY_LOGON_ID', name: '沈括' }],
    ['PAYEE_USER_INFO_ERROR', { identity: 'a@b.cd', identity_type: 'ALIPAY_LOGON_ID', name: '张冠李戴' }],
    ['INVALID_PARAMETER', { identity: 'a@b.cd', identity_type: 'ALIPAY_LOGON_ID' }],
    ['INVALID_PARAMETER', { identity: 'a@b.cd', identity_type: 'PHONE', name: '沈括' }],
  ])('refuses with %s', async (subCode, payee_info) => {
    const no = orderNo();
    expect(await exec(sdk, TRANSFER, order(no, { payee_info }))).toMatchObject({ code: '40004', subCode });
    expect(await query(no)).toMatchObject({ code: '40004', subCode: 'ORDER_NOT_EXIST' });
  });

  it('refuses less than 0.10 yuan, and more than the balance while that is too low', async () => {
    expect(await exec(sdk, TRANSFER, order(orderNo(), { trans_amount: '0.09' }))).toMatchObject({
      subCode: 'EXCEED_LIMIT_SM_MIN_AMOUNT',
    });
    await sandbox.control('POST', '/faults', { channel: 'alipay', lowBalance: true, times: 1 });
    const no = orderNo();
    // A question uses no fault up that is about balances.
    expect(await query(no)).toMatchObject({ subCode: 'ORDER_NOT_EXIST' });
    expect(await exec(sdk, TRANSFER, order(no))).toMatchObject({ subCode: 'PAYER_BALANCE_NOT_ENOUGH' });
    expect(await exec(sdk, TRANSFER, order(no))).toMatchObject({ status: 'DEALING' });
  });

  it('pays nothing for a call that another key signed', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const stranger = await alipayClient(sandbox.environment);
    stranger.config.privateKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const no = orderNo();
    expect(await exec(stranger, TRANSFER, order(no))).toMatchObject({
      code: '40002',
      subCode: 'isv.invalid-signature',
    });
    expect((await sandbox.control('GET', `/payouts/${no}`)).status).toBe(404);
  });
});

describe('the answer about a payout on its way', () => {
  it.each([
    [TRANSFER, 'DEALING', 'SUCCESS'],
    [QUERY, 'DEALING', 'FAIL'],
  ])('is refused by the official client when %s was changed', async (method, from, to) => {
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no));
    const target = sandbox.environment['ALIPAY_GATEWAY'] ?? '';
    const proxy = await tamperingProxy(target, (body) => body.replace(from, to));
    const fooled = await alipayClient({ ...sandbox.environment, ALIPAY_GATEWAY: `${proxy.url}gateway.do` });
    const content = method === QUERY ? { ...PRODUCT, out_biz_no: no } : order(no);
    await expect(exec(fooled, method, content)).rejects.toThrow(/验签失败/);
    await proxy.close();
  });
});

describe('alipay.fund.trans.order.changed', () => {
  it.each([
    ['success', 'SUCCESS'],
    ['fail', 'FAIL'],
  ])('is posted when a payout ends by %s, and the official client verifies it', async (result, status) => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no), { notifyUrl: receiver.url });
    await settle(no, result);
    await receiver.until(1);
    const [form = {}] = forms(receiver);
    expect(form).toMatchObject({ msg_method: 'alipay.fund.trans.order.changed', version: '1.1' });
    expect(JSON.parse(form['biz_content'] ?? '')).toMatchObject({
      out_biz_no: no,
      status,
      trans_amount: '5.03',
    });
    expect(sdk.checkNotifySignV2({ ...form })).toBe(true);
    const other = form['biz_content']?.replace(no, 'other') ?? '';
    expect(sdk.checkNotifySignV2({ ...form, biz_content: other })).toBe(false);
  });

  it('is not posted when the settling call says so', async () => {
    const receiver = await testReceiver({ status: 200, body: 'success' });
    const no = orderNo();
    await exec(sdk, TRANSFER, order(no), { notifyUrl: receiver.url });
    await sandbox.control('POST', `/payouts/${no}/settle`, { result: 'success', notify: false });
    await settle(no, 'bounce');
    await receiver.until(1);
    expect(forms(receiver)).toHaveLength(1);
    expect(forms(receiver)[0]?.['biz_content']).toContain('"status":"REFUND"');
  });
});
