/** The provider's side: keys, and notifications signed with them. Scene `app` needs no call to a gateway. */
import { makeKeys, signAlipayForm } from '../channels/test-support.js';
import { toChinaTime } from '../domain/china-time.js';

const APP_ID = '2021000000000001';
const SELLER_ID = '2088000000000001';
const provider = makeKeys();
const merchant = makeKeys();

/** What the product's processes, and the floor's handler, are configured with. */
export const ALIPAY_ENVIRONMENT = {
  ALIPAY_APP_ID: APP_ID,
  ALIPAY_SELLER_ID: SELLER_ID,
  ALIPAY_PRIVATE_KEY: merchant.privateKey,
  ALIPAY_PUBLIC_KEY: provider.publicKey,
  // Nobody listens there, and nobody is asked: every attempt is paid before its first question is due.
  ALIPAY_GATEWAY: 'http://127.0.0.1:9/gateway.do',
};

let notifications = 0;

export interface SignedNotification {
  body: Buffer;
  headers: Record<string, string>;
}

/** A paid trade's notification, as Alipay posts it; each has an id of its own. */
export function signNotification(outTradeNo: string, yuan = '100.00'): SignedNotification {
  notifications += 1;
  const now = toChinaTime(new Date());
  const { body, headers } = signAlipayForm(
    {
      notify_id: `bench-${process.pid}-${notifications}`,
      notify_type: 'trade_status_sync',
      notify_time: now,
      app_id: APP_ID,
      seller_id: SELLER_ID,
      charset: 'utf-8',
      version: '1.0',
      out_trade_no: outTradeNo,
      trade_no: `trade${outTradeNo}`,
      trade_status: 'TRADE_SUCCESS',
      total_amount: yuan,
      gmt_payment: now,
    },
    provider.privateKey,
  );
  return { body, headers: { 'content-type': String(headers['content-type']) } };
}
