/** Alipay's bills: a ZIP of two CSV files in GBK, the lines and their sums. */
import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import iconv from 'iconv-lite';
import { ZipFile } from 'yazl';
import { toCst, toCstDay } from '../values/times.js';
import { yuanFromFen } from '../values/yuan.js';
import { dayOf, type BillLine } from './lines.js';

/** `trade` is about trades and their refunds, `signcustomer` about the account's money, payouts included. */
export type AlipayBillType = 'trade' | 'signcustomer';

/** Whose bill it is, and of which day. */
export interface AlipayBill {
  readonly type: AlipayBillType;
  readonly sellerId: string;
  /** Such as `2026-11-23`. */
  readonly date: string;
  readonly lines: readonly BillLine[];
  /** When it was made, epoch ms. */
  readonly madeAt: number;
}

const TRADE_COLUMNS = [
  '支付宝交易号',
  '商户订单号',
  '业务类型',
  '商品名称',
  '创建时间',
  '完成时间',
  '门店编号',
  '门店名称',
  '操作员',
  '终端号',
  '对方账户',
  '订单金额（元）',
  '商家实收（元）',
  '支付宝红包（元）',
  '集分宝（元）',
  '支付宝优惠（元）',
  '商家优惠（元）',
  '券核销金额（元）',
  '券名称',
  '商家红包消费金额（元）',
  '卡消费金额（元）',
  '退款批次号/请求号',
  '服务费（元）',
  '分润（元）',
  '备注',
];

const FUND_COLUMNS = [
  '账务流水号',
  '业务流水号',
  '商户订单号',
  '商品名称',
  '发生时间',
  '对方账号',
  '收入金额（+元）',
  '支出金额（-元）',
  '账户余额（元）',
  '交易渠道',
  '业务类型',
  '备注',
];

const NAMES = { trade: '业务明细', signcustomer: '账务明细' } as const;
const EMPTY = '\t';

/** The lines of a bill that its type tells: a bill without any is not made at Alipay. */
export function linesIn(type: AlipayBillType, lines: readonly BillLine[]): BillLine[] {
  return type === 'signcustomer' ? [...lines] : lines.filter(isTrade);
}

/** The ZIP, made as it is read. */
export function alipayZip(bill: AlipayBill): Readable {
  const zip = new ZipFile();
  const name = `${bill.sellerId}_${bill.date.replaceAll('-', '')}_${NAMES[bill.type]}`;
  const mtime = new Date(bill.madeAt);
  zip.addReadStreamLazy(`${name}.csv`, { mtime }, (done) => done(null, inGbk(details(bill))));
  zip.addReadStreamLazy(`${name}(汇总).csv`, { mtime }, (done) => done(null, inGbk(sums(bill))));
  zip.end();
  return Readable.from(zip.outputStream);
}

function inGbk(text: Iterable<string>): Readable {
  return Readable.from(encoded(text), { objectMode: false });
}

function* encoded(text: Iterable<string>): Generator<Buffer> {
  for (const part of text) yield iconv.encode(part, 'gbk');
}

function* details(bill: AlipayBill): Generator<string> {
  const { type, lines } = bill;
  yield* head(bill, '查询');
  yield `#-----------------------------------------${NAMES[type]}列表----------------------------------------\r\n`;
  yield csv(type === 'trade' ? TRADE_COLUMNS : FUND_COLUMNS);
  for (const line of lines) yield csv(type === 'trade' ? tradeCells(line) : fundCells(line));
  yield `#-----------------------------------------${NAMES[type]}列表结束------------------------------------\r\n`;
  const payments = lines.filter((line) => line.kind === 'payment');
  const refunds = lines.filter((line) => line.kind === 'refund');
  yield `#交易合计：${payments.length}笔，商家实收共${total(payments)}元，商家优惠共0.00元\r\n`;
  yield `#退款合计：${refunds.length}笔，商家实收退款共-${total(refunds)}元，商家优惠退款共0.00元\r\n`;
  yield `#导出时间：[${chinese(bill.madeAt)}]\r\n`;
}

function* sums(bill: AlipayBill): Generator<string> {
  const payments = bill.lines.filter((line) => line.kind === 'payment');
  const refunds = bill.lines.filter((line) => line.kind === 'refund');
  yield* head(bill, '汇总查询');
  yield csv(['门店编号', '门店名称', '交易订单总笔数', '退款订单总笔数', '订单金额（元）', '退款金额（元）']);
  yield csv(['合计', '', payments.length, refunds.length, total(payments), `-${total(refunds)}`]);
}

function* head(bill: AlipayBill, what: string): Generator<string> {
  const { from = 0, to = 0 } = dayOf(bill.date) ?? {};
  yield `#支付宝${NAMES[bill.type]}${what}\r\n`;
  yield `#账号：[${bill.sellerId}0156]\r\n`;
  yield `#起始日期：[${chinese(from)}]   终止日期：[${chinese(to)}]\r\n`;
}

/** Refunds are negative, and so is a service fee that was kept. */
function tradeCells(line: BillLine): string[] {
  const isRefund = line.kind === 'refund';
  const amount = signed(isRefund ? -line.amount : line.amount);
  return [
    tabbed(line.tradeNo ?? line.providerNo),
    tabbed(line.outTradeNo ?? line.no),
    tabbed(isRefund ? '退款' : '交易'),
    line.subject,
    toCst(line.createdAt),
    toCst(line.at),
    EMPTY,
    EMPTY,
    EMPTY,
    EMPTY,
    tabbed(`**(${line.party.slice(0, 3)}******)`),
    amount,
    amount,
    '0.00',
    '0.00',
    '0.00',
    '0.00',
    '0.00',
    EMPTY,
    '0.00',
    '0.00',
    isRefund ? tabbed(line.no) : EMPTY,
    signed(-line.fee),
    '0.00',
    EMPTY,
  ];
}

function fundCells(line: BillLine): string[] {
  const words = {
    payment: '在线支付',
    refund: '交易退款',
    payout: '转账',
    payout_return: '转账退回',
  } as const satisfies Record<BillLine['kind'], string>;
  const isIncome = line.kind === 'payment' || line.kind === 'payout_return';
  return [
    tabbed(`${toCstDay(line.at)}${line.providerNo.slice(-8)}`),
    tabbed(line.providerNo),
    tabbed(line.no),
    line.subject,
    toCst(line.at),
    tabbed(line.party),
    isIncome ? signed(line.amount) : '0.00',
    isIncome ? '0.00' : signed(-line.amount),
    '0.00',
    '支付宝',
    words[line.kind],
    EMPTY,
  ];
}

function isTrade(line: BillLine): boolean {
  return line.kind === 'payment' || line.kind === 'refund';
}

function csv(cells: readonly (string | number)[]): string {
  return stringify([[...cells]], { record_delimiter: '\r\n' });
}

/** Spreadsheets would round long numbers, so Alipay ends many values with a tab. */
function tabbed(value: string): string {
  return `${value}\t`;
}

function signed(fen: number): string {
  return fen < 0 ? `-${yuanFromFen(-fen)}` : yuanFromFen(fen);
}

function total(lines: readonly BillLine[]): string {
  return yuanFromFen(lines.reduce((sum, line) => sum + line.amount, 0));
}

function chinese(at: number): string {
  return toCst(at).replace(/^(\d+)-(\d+)-(\d+)/, '$1年$2月$3日');
}
