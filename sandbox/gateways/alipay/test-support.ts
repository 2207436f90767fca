import type { AlipaySdk, AlipaySdkCommonResult } from 'alipay-sdk';
import { timestamp } from '../../test-support.js';

/** Calls a method by the official client, which verifies the answer's signature or throws. */
export function exec(
  sdk: AlipaySdk,
  method: string,
  bizContent: object,
  extra: object = {},
): Promise<AlipaySdkCommonResult> {
  return sdk.exec(method, { timestamp: timestamp(), bizContent, ...extra }, { validateSign: true });
}

/** biz_content of an order over 12.34 yuan. */
export function order(no: string, changes: object = {}): object {
  return { out_trade_no: no, total_amount: '12.34', subject: 'Two tickets & a "drink" / 100%', ...changes };
}

/** What an order string, a page link or a page form is made of. */
export function signedOrder(no: string, changes: object = {}, extra: object = {}): object {
  return { timestamp: timestamp(), bizContent: order(no, changes), ...extra };
}
