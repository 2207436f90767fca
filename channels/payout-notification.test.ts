/** What both providers say of payouts: verified like any other notification, and never more than a hint. */
import { describe, expect, it } from 'vitest';
import { createAlipay } from './alipay.js';
import type { Notification } from './channel.js';
import { alipayConfig, merchantKeys, providerKeys, WECHAT_APP, WECHAT_MCH } from './test-gateways.js';
import { failureOf, signAlipayForm, signWechat, toWechatEnvelope } from './test-support.js';
import { createWechat } from './wechat.js';

const NO = '9f8e7d6c5b4a3921p1';
const API_V3_KEY = '0123456789abcdef0123456789abcdef';
const SERIAL = 'PUB_KEY_ID_0000000000000024101100397200000006';
const RECEIVED_AT = new Date('2026-11-24T12:00:05.250Z');

const alipay = createAlipay(alipayConfig('http://127.0.0.1:9/'));
const wechat = createWechat({
  appId: WECHAT_APP,
  mchId: WECHAT_MCH,
  serial: '7132D72A03E93CDDF8C03BBD1F37EEDF00000000',
  privateKey: merchantKeys.privateKey,
  apiV3Key: API_V3_KEY,
  publicKeyId: SERIAL,
  publicKey: providerKeys.publicKey,
  baseUrl: 'http://127.0.0.1:9/',
});

const CHANGED = {
  action_type: 'FINISH',
  biz_scene: 'DIRECT_TRANSFER',
  order_id: '20261124110070000006720030209273',
  origin_interface: 'alipay.fund.trans.uni.transfer',
  out_biz_no: NO,
  product_code: 'TRANS_ACCOUNT_NO_PWD',
  status: 'SUCCESS',
  trans_amount: '5.30',
};

const MESSAGE = {
  msg_method: 'alipay.fund.trans.order.changed',
  app_id: '2021000000000001',
  version: '1.1',
  charset: 'UTF-8',
  utc_timestamp: '1795521605000',
  notify_id: '2026112400222193017027581427329881',
};

function fromAlipay(changes: Record<string, string>, key = providerKeys.privateKey): Notification {
  const parameters = { ...MESSAGE, biz_content: JSON.stringify(CHANGED), ...changes };
  return alipay.verifyNotification(signAlipayForm(parameters, key));
}

const FINISHED = {
  out_bill_no: NO,
  transfer_bill_no: '1330000071100999991182020050700019480001',
  state: 'SUCCESS',
  mch_id: WECHAT_MCH,
  transfer_amount: 530,
  openid: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o',
  create_time: '2026-11-24T19:59:00+08:00',
  update_time: '2026-11-24T20:00:00+08:00',
};

function fromWechat(resource: object, originalType = 'mch_payment'): Notification {
  const body = toWechatEnvelope(resource, API_V3_KEY, {
    eventType: 'MCHTRANSFER.BILL.FINISHED',
    originalType,
  });
  const timestamp = Math.floor(RECEIVED_AT.getTime() / 1000);
  const notice = { body, receivedAt: RECEIVED_AT, timestamp, nonce: 'n0nce', serial: SERIAL };
  return wechat.verifyNotification(signWechat(notice, providerKeys.privateKey));
}

describe('an Alipay message about a payout', () => {
  it.each(['SUCCESS', 'FAIL', 'REFUND', 'A_NEW_WORD'])('M9: is a hint, whatever it says: %s', (status) => {
    expect(fromAlipay({ biz_content: JSON.stringify({ ...CHANGED, status }) })).toMatchObject({
      kind: 'payout',
      eventKey: MESSAGE.notify_id,
      outTradeNo: '',
      payoutNo: NO,
      providerStatus: status,
      facts: { order_id: CHANGED.order_id, status, trans_amount: '5.30' },
    });
  });

  it.each([
    ['that is no JSON', '{'],
    ['of another shape', '[1]'],
    ['without a number', '{"status":"SUCCESS"}'],
    ['whose number is none', '{"out_biz_no":7}'],
  ])('with a content %s is kept as something else', (_title, content) => {
    expect(fromAlipay({ biz_content: content })).toMatchObject({ kind: 'other', outTradeNo: '' });
  });

  it('W2: counts only when Alipay signed it', async () => {
    const refused = await failureOf(() => fromAlipay({}, merchantKeys.privateKey));
    expect(refused).toMatchObject({ code: 'notification_refused', details: { reason: 'signature' } });
  });

  it('is no payment, even when it looks like one', () => {
    const paid = { trade_status: 'TRADE_SUCCESS', out_trade_no: NO, trade_no: '1', total_amount: '5.30' };
    expect(fromAlipay({ ...paid, gmt_payment: '2026-11-24 20:00:02' })).toMatchObject({ kind: 'payout' });
  });
});

describe('a WeChat Pay notification about a payout', () => {
  it.each(['SUCCESS', 'FAIL', 'CANCELLED', 'A_NEW_WORD'])('M9: is a hint, whatever it says: %s', (state) => {
    const notification = fromWechat({ ...FINISHED, state, fail_reason: 'OVERDUE_CLOSE' });
    expect(notification).toMatchObject({
      kind: 'payout',
      outTradeNo: '',
      payoutNo: NO,
      providerStatus: state,
      facts: { out_bill_no: NO, state, fail_reason: 'OVERDUE_CLOSE' },
    });
    expect(JSON.stringify(notification)).not.toContain(FINISHED.openid);
  });

  it.each([
    ['without a number', { ...FINISHED, out_bill_no: undefined }, 'mch_payment'],
    ['of another type', FINISHED, 'transaction'],
  ])('%s is kept as something else', (_title, resource, originalType) => {
    expect(fromWechat(resource, originalType)).toMatchObject({ kind: 'other' });
  });
});
