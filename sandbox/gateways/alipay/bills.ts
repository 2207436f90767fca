import type { Readable } from 'node:stream';
import { z } from 'zod';
import { alipayZip, linesIn } from '../../bills/alipay-files.js';
import { Downloads } from '../../bills/downloads.js';
import { dayOf } from '../../bills/lines.js';
import type { GatewayContext } from '../../gateway.js';
import type { AlipayAccount } from './account.js';
import { AlipayRefusal } from './refusal.js';
import { readBiz } from './trades.js';
import type { Params } from './wire.js';

/** A download address lives this long. */
const ADDRESS_LIFE_MS = 30_000;

/** Where the files are fetched, by their token. */
export const BILL_PATH = '/billdownload';

const billRequest = z.object({
  bill_type: z.enum(['trade', 'signcustomer']),
  bill_date: z.string().refine((date) => dayOf(date) !== null, 'must be a day such as 2026-11-23'),
});

/** Alipay's bills of one day: an address first, and then a file at that address, which asks for no signature. */
export interface AlipayBills {
  /** alipay.data.dataservice.bill.downloadurl.query */
  addressOf(params: Params): Record<string, string>;
  /** Null when the address is unknown, or too old. */
  open(token: unknown): Readable | null;
}

/**
 * Unlike at Alipay, where a day's bill is made at nine the next morning, today's can be had too: it tells what there
 * is so far. A day without lines has no bill, here as there.
 */
export function alipayBills(context: GatewayContext, alipay: AlipayAccount): AlipayBills {
  const downloads = new Downloads();
  return {
    addressOf(params) {
      const { bill_type: type, bill_date: date } = readBiz(
        params,
        billRequest,
        (what) => new AlipayRefusal('40004', 'isv.invalid-arguments', `参数有误：${what}`),
      );
      const lines = linesIn(type, context.bills.lines('alipay', date));
      if (lines.length === 0) throw billNotExist();
      const bill = { type, sellerId: alipay.sellerId, date, lines, madeAt: context.now() };
      const token = downloads.promise(() => alipayZip(bill), ADDRESS_LIFE_MS);
      return { bill_download_url: `${context.baseUrl}${BILL_PATH}?token=${token}` };
    },
    open: (token) => downloads.open(token),
  };
}

/** One word for "nothing happened" and for "not made yet". */
export function billNotExist(): AlipayRefusal {
  return new AlipayRefusal('40004', 'isp.bill_not_exist', '账单不存在');
}
