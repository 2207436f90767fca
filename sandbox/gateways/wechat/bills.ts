import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { Request } from 'express';
import { Downloads } from '../../bills/downloads.js';
import { dayOf } from '../../bills/lines.js';
import {
  linesIn,
  wechatCsv,
  wechatCsvParts,
  type WechatBill,
  type WechatBillType,
} from '../../bills/wechat-files.js';
import type { GatewayContext } from '../../gateway.js';
import type { WechatAccount } from './account.js';
import { paramError, WechatRefusal, type WechatAnswer } from './refusal.js';

/** A download address lives this long. */
const ADDRESS_LIFE_MS = 5 * 60_000;

/** Where the files are fetched: signed for like any call, and answered without a signature. */
export const BILL_PATH = '/v3/billdownload/file';

/** WeChat Pay's bills of one day: an address and a hash first, and then a file at that address. */
export interface WechatBills {
  /** GET /v3/bill/tradebill and /v3/bill/fundflowbill; the hash is that of the CSV, also when it comes as GZIP. */
  addressOf(type: WechatBillType, req: Request): WechatAnswer;
  /** Null when the address is unknown, or too old. */
  open(token: unknown): Readable | null;
}

/**
 * Unlike at WeChat Pay, where a day's bill is made at ten the next morning, today's can be had too: it tells what
 * there is so far. A day without lines has no bill, here as there. Payouts leave the account OPERATION.
 */
export function wechatBills(context: GatewayContext, wechat: WechatAccount): WechatBills {
  const downloads = new Downloads();
  return {
    addressOf(type, req) {
      const wanted = readQuery(type, req);
      const { appId, mchId } = wechat;
      const lines = linesIn(type, wanted.isTold ? context.bills.lines('wechat', wanted.date) : []);
      if (lines.length === 0) throw noStatement();
      const bill = { type, appId, mchId, lines };
      const open = (): Readable => (wanted.isGzip ? gzipped(bill) : wechatCsv(bill));
      const token = downloads.promise(open, ADDRESS_LIFE_MS);
      return {
        status: 200,
        body: {
          hash_type: 'SHA1',
          hash_value: hashOf(bill),
          download_url: `${context.baseUrl}${BILL_PATH}?token=${token}`,
        },
      };
    },
    open: (token) => downloads.open(token),
  };
}

/** The bill is being made; also said of a day on which nothing happened, before ten the next morning. */
export function statementCreating(): WechatRefusal {
  return new WechatRefusal(400, 'STATEMENT_CREATING', '账单生成中');
}

function noStatement(): WechatRefusal {
  return new WechatRefusal(400, 'NO_STATEMENT_EXIST', '账单文件不存在');
}

/** @returns the day, and whether the lines that this sandbox has are those of the bill that is asked for */
function readQuery(type: WechatBillType, req: Request): { date: string; isGzip: boolean; isTold: boolean } {
  const text = (name: string): string => {
    const value = req.query[name];
    return typeof value === 'string' ? value : '';
  };
  const date = text('bill_date');
  if (dayOf(date) === null) throw paramError('bill_date', 'must be a day such as 2026-11-23', 'query');
  const tar = text('tar_type');
  if (tar !== '' && tar !== 'GZIP') throw paramError('tar_type', 'must be GZIP', 'query');
  const isGzip = tar === 'GZIP';
  if (type === 'tradebill') {
    const billType = text('bill_type') || 'ALL';
    if (billType !== 'ALL')
      throw paramError('bill_type', 'is ALL here; the other two are parts of it', 'query');
    return { date, isGzip, isTold: true };
  }
  const account = text('account_type') || 'BASIC';
  if (!['BASIC', 'OPERATION', 'FEES'].includes(account)) {
    throw paramError('account_type', 'must be BASIC, OPERATION or FEES', 'query');
  }
  return { date, isGzip, isTold: account === 'OPERATION' };
}

function gzipped(bill: WechatBill): Readable {
  const csv = wechatCsv(bill);
  const gzip = createGzip();
  csv.on('error', (error) => gzip.destroy(error));
  return csv.pipe(gzip);
}

function hashOf(bill: WechatBill): string {
  const hash = createHash('sha1');
  for (const part of wechatCsvParts(bill)) hash.update(part);
  return hash.digest('hex');
}
