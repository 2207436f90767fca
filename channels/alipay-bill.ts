/**
 * Alipay's bills of one day. That about trades has payments and refunds; payouts are in the one about the account's
 * money, which tells the trades a second time.
 */
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { z } from 'zod';
import { fen } from '../domain/money.js';
import { type AlipayClient, type AlipayConfig, toUnanswered } from './alipay-client.js';
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
import { DEFAULT_TIMEOUT_MS } from './provider-errors.js';

const ADDRESS = 'alipay.data.dataservice.bill.downloadurl.query';
// A day's bill is made at about nine the next morning.
const READY_HOUR = 10;
const NOT_THERE: ReadonlySet<string> = new Set(['isp.bill_not_exist', 'BILL_NOT_EXIST']);

const addressSchema = z.object({ bill_download_url: z.url() });

const BILLS = [
  { type: 'trade', file: /业务明细(?!.*汇总)/, toRow: toTradeRow },
  { type: 'signcustomer', file: /账务明细(?!.*汇总)/, toRow: toPayoutRow },
] as const;

/**
 * @param date a day in China
 * @throws HoldfastError `bill_not_ready`: not before ten the next morning is a bill that is not there an empty one
 * @throws HoldfastError `channel_unknown_outcome`: it cannot be fetched, or is not what it should be
 */
export async function* bill(
  client: AlipayClient,
  config: AlipayConfig,
  date: string,
): AsyncGenerator<BillRow> {
  const isFinal = isPromised('alipay', date, READY_HOUR);
  const spool = await openSpool();
  try {
    const files: { path: string; bill: (typeof BILLS)[number] }[] = [];
    for (const one of BILLS) {
      const url = await addressOf(client, config, one.type, date);
      // The account's money moved only if something is in the bill of trades or a payout was made, so each is asked.
      if (url === undefined && !isFinal) throw billNotReady('alipay', date);
      if (url === undefined) continue;
      const idleMs = config.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      files.push({ path: await spool.take((signal) => download(url, signal), { idleMs }), bill: one });
    }
    for (const { path, bill: one } of files) yield* rowsOf(path, one);
  } catch (error) {
    throw unreadableBill('alipay', ADDRESS, error);
  } finally {
    await spool.close();
  }
}

/** Where the file is, for 30 s; undefined when Alipay has none. */
async function addressOf(
  client: AlipayClient,
  config: AlipayConfig,
  type: string,
  date: string,
): Promise<string | undefined> {
  const answer = await client.call(ADDRESS, { bill_type: type, bill_date: date }, addressSchema);
  if (!answer.ok) {
    if (NOT_THERE.has(answer.refusal.subCode ?? '')) return undefined;
    throw toUnanswered(answer.refusal);
  }
  const { bill_download_url: url } = answer.fields;
  const { protocol } = new URL(url);
  // In the clear only from a gateway that is itself: the local one.
  if (protocol !== 'https:' && protocol !== new URL(config.gateway).protocol) {
    throw new Error('the bill is at an address that cannot be trusted');
  }
  return url;
}

async function download(url: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url, { signal, redirect: 'error' });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`the file is answered with status ${response.status}`);
  }
  return response.body;
}

async function* rowsOf(path: string, { file, toRow }: (typeof BILLS)[number]): AsyncGenerator<BillRow> {
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false, decodeStrings: false });
  try {
    const entry = await entryNamed(zip, file);
    await assertWhole(zip, entry);
    yield* rowsIn(await zip.openReadStreamPromise(entry), toRow);
  } finally {
    zip.close();
  }
}

const IS_UTF8 = 0x800;

/** Names are in GBK unless the entry says that they are in UTF-8. */
async function entryNamed(zip: ZipFile, name: RegExp): Promise<Entry> {
  for await (const entry of zip.eachEntry()) {
    const encoding = (entry.generalPurposeBitFlag & IS_UTF8) === 0 ? 'gbk' : 'utf-8';
    if (name.test(new TextDecoder(encoding).decode(entry.fileNameRaw))) return entry;
  }
  throw new Error('the file that was fetched has no such bill in it');
}

/** The library checks the size of what it inflates, and not its sum: so it is inflated twice. */
async function assertWhole(zip: ZipFile, entry: Entry): Promise<void> {
  let sum = 0;
  const sink = new Writable({
    write(part: Buffer, _encoding, done) {
      sum = crc32(part, sum);
      done();
    },
  });
  await pipeline(await zip.openReadStreamPromise(entry), sink);
  if (sum !== entry.crc32) throw new Error('the bill is damaged: its sum differs');
}

async function* rowsIn(
  bytes: AsyncIterable<Uint8Array>,
  toRow: (cells: Cells) => BillRow | undefined,
): AsyncGenerator<BillRow> {
  // What is about the bill itself stands in lines that begin with `#`; the names of the columns come first.
  const options = { comment: '#', comment_no_infix: true, relax_quotes: true };
  let columns: string[] | undefined;
  for await (const record of recordsOf(bytes, 'gbk', options)) {
    if (columns === undefined) {
      columns = record.map((name) => name.trim());
      continue;
    }
    const row = toRow(cellsOf(columns, record));
    if (row !== undefined) yield row;
  }
  if (columns === undefined) throw new Error('the bill has no columns');
}

/** The bill tells what has happened, so that its rows succeeded; a refund is negative. */
function toTradeRow(cell: Cells): BillRow {
  const kind = cell('业务类型');
  const amount = signedFen(cell('订单金额（元）'));
  const tradeNo = cell('支付宝交易号');
  const outTradeNo = cell('商户订单号');
  const common = {
    amountFen: fen(Math.abs(amount)),
    // Kept is what the bill takes off, so its sign is the other one.
    feeFen: opposite(signedFen(cell('服务费（元）'))),
    status: kind === '交易' || kind === '退款' ? 'succeeded' : 'unknown',
    at: timeOf(cell('完成时间')),
  } as const;
  if (kind !== '退款' && amount >= 0) {
    return { kind: 'payment', no: outTradeNo, providerNo: tradeNo, ...common };
  }
  // Alipay gives refunds no number of its own. One that was made by hand has none of ours either.
  const no = cell('退款批次号/请求号') || tradeNo;
  return { kind: 'refund', no, outTradeNo, providerNo: no, ...common };
}

/** Of the account's money only payouts; one that comes back is an income of the same kind. */
function toPayoutRow(cell: Cells): BillRow | undefined {
  const no = cell('商户订单号');
  if (!cell('业务类型').includes('转账') || no === '') return undefined;
  const spent = signedFen(cell('支出金额（-元）'));
  const income = signedFen(cell('收入金额（+元）'));
  return {
    kind: 'payout',
    no,
    providerNo: cell('业务流水号'),
    amountFen: fen(Math.abs(spent === 0 ? income : spent)),
    feeFen: 0,
    status: spent === 0 ? 'failed' : 'succeeded',
    at: timeOf(cell('发生时间')),
  };
}

function opposite(amount: number): number {
  return amount === 0 ? 0 : -amount;
}
