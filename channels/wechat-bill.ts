/**
 * WeChat Pay's bills of one day. That about trades has payments and refunds; payouts are in the one about the money of
 * the account that they leave.
 */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { fen } from '../domain/money.js';
import {
  billNotReady,
  type Cells,
  cellsOf,
  isPromised,
  openSpool,
  recordsOf,
  signedFen,
  timeOf,
  unreadableBill,
} from './bill-file.js';
import type { BillRow } from './channel.js';
import { unknownOutcome } from './provider-errors.js';
import type { WechatClient } from './wechat-client.js';

// A day's bill is made at about ten the next morning, and the last of them somewhat later.
const READY_HOUR = 10;
const BEING_MADE = 'STATEMENT_CREATING';
const NOT_THERE = 'NO_STATEMENT_EXIST';

const addressSchema = z.object({
  hash_type: z.literal('SHA1'),
  hash_value: z.string().regex(/^[0-9a-f]{40}$/i),
  download_url: z.url(),
});
type Address = z.infer<typeof addressSchema>;

const BILLS = [
  { path: 'v3/bill/tradebill', query: { bill_type: 'ALL' }, toRow: toTradeRow },
  { path: 'v3/bill/fundflowbill', query: { account_type: 'OPERATION' }, toRow: toPayoutRow },
] as const;

/**
 * @param date a day in China
 * @throws HoldfastError `bill_not_ready`: not before ten the next morning is a bill that is not there an empty one
 * @throws HoldfastError `channel_unknown_outcome`: it cannot be fetched, or is not what was announced
 */
export async function* bill(client: WechatClient, date: string): AsyncGenerator<BillRow> {
  const isFinal = isPromised('wechat', date, READY_HOUR);
  const spool = await openSpool();
  try {
    const files: { path: string; bill: (typeof BILLS)[number] }[] = [];
    for (const one of BILLS) {
      const address = await addressOf(client, one, date);
      if (address === undefined && !isFinal) throw billNotReady('wechat', date);
      if (address === undefined) continue;
      const path = await spool.take((signal) => download(client, address, signal), {
        idleMs: client.timeoutMs,
        through: createGunzip(),
        // Of what is inside the GZIP.
        sha1: address.hash_value,
      });
      files.push({ path, bill: one });
    }
    for (const { path, bill: one } of files) yield* rowsOf(path, one.toRow);
  } catch (error) {
    throw unreadableBill('wechat', BILLS[0].path, error);
  } finally {
    await spool.close();
  }
}

/** Where the file is, for a few minutes, and its hash; undefined when WeChat Pay has none. */
async function addressOf(
  client: WechatClient,
  { path, query }: (typeof BILLS)[number],
  date: string,
): Promise<Address | undefined> {
  const answer = await client.get(path, { bill_date: date, tar_type: 'GZIP', ...query }, addressSchema);
  if (answer.ok) return answer.body;
  switch (answer.refusal.providerCode ?? '') {
    case BEING_MADE:
      throw billNotReady('wechat', date);
    case NOT_THERE:
      return undefined;
    default:
      throw unknownOutcome(answer.refusal);
  }
}

/** The call is signed for our own base URL, and goes nowhere else, whatever host the address names. */
function download(client: WechatClient, { download_url }: Address, signal: AbortSignal) {
  const { pathname, searchParams } = new URL(download_url);
  return client.download(pathname.slice(1), Object.fromEntries(searchParams), signal);
}

// There are no quotes in this form: a cell ends where a comma and a backtick follow.
const CELLS = { delimiter: ',`', quote: null, escape: null };

/** Every cell follows a backtick, but for the names of columns: those of the details, and at the end those of sums. */
async function* rowsOf(path: string, toRow: (cells: Cells) => BillRow | undefined): AsyncGenerator<BillRow> {
  let columns = await firstLineOf(path);
  let isSums = false;
  let details = 0;
  // The first line has no cells by the rule of all others, and the parser is slow with records of another length.
  for await (const record of recordsOf(createReadStream(path), 'utf-8', { ...CELLS, from_line: 2 })) {
    const [first = '', ...rest] = record;
    if (!first.startsWith('`')) {
      isSums = true;
      columns = namesIn(first);
      continue;
    }
    const cells = cellsOf(columns, [first.slice(1), ...rest]);
    if (isSums) return assertCount(cells, columns[0] ?? '', details);
    details += 1;
    const row = toRow(cells);
    if (row !== undefined) yield row;
  }
  throw new Error('the bill ends before its sums');
}

async function firstLineOf(path: string): Promise<string[]> {
  for await (const [line = ''] of recordsOf(createReadStream(path), 'utf-8', {
    ...CELLS,
    bom: true,
    to_line: 1,
  })) {
    return namesIn(line);
  }
  throw new Error('the bill has no columns');
}

function namesIn(line: string): string[] {
  return line.split(',').map((name) => name.trim());
}

function assertCount(cell: Cells, column: string, details: number): void {
  if (cell(column) !== String(details)) throw new Error('the bill has not as many rows as it says');
}

function toTradeRow(cell: Cells): BillRow {
  const at = timeOf(cell('交易时间'));
  const feeFen = signedFen(cell('手续费'));
  const outTradeNo = cell('商户订单号');
  const state = cell('交易状态');
  if (state === 'REFUND') {
    const amountFen = fen(signedFen(cell('申请退款金额')));
    return {
      kind: 'refund',
      no: cell('商户退款单号'),
      outTradeNo,
      providerNo: cell('微信退款单号'),
      amountFen,
      feeFen,
      status: toRefundStatus(cell('退款状态')),
      at,
    };
  }
  return {
    kind: 'payment',
    no: outTradeNo,
    providerNo: cell('微信订单号'),
    amountFen: fen(signedFen(cell('订单金额'))),
    feeFen,
    status: state === 'SUCCESS' ? 'succeeded' : 'unknown',
    at,
  };
}

function toRefundStatus(word: string): BillRow['status'] {
  switch (word) {
    case 'SUCCESS':
      return 'succeeded';
    case 'PROCESSING':
      return 'processing';
    // The money did not reach the payer: closed, or to be settled by hand.
    case 'FAIL':
    case 'CHANGE':
      return 'failed';
    default:
      return 'unknown';
  }
}

/** Of the account's money only payouts; one that comes back is an income of the same kind. */
function toPayoutRow(cell: Cells): BillRow | undefined {
  const no = cell('业务凭证号');
  if (!cell('业务名称').includes('商家转账') || no === '') return undefined;
  return {
    kind: 'payout',
    no,
    providerNo: cell('微信支付业务单号'),
    amountFen: fen(signedFen(cell('收支金额(元)'))),
    feeFen: 0,
    status: cell('收支类型') === '支出' ? 'succeeded' : 'failed',
    at: timeOf(cell('记账时间')),
  };
}
