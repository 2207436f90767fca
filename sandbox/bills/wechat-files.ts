/** WeChat Pay's bills: CSV in UTF-8 with a mark in front, every cell after a backtick, amounts in yuan. */
import { Readable } from 'node:stream';
import { toCst } from '../values/times.js';
import { yuanFromFen } from '../values/yuan.js';
import { FEE_BPS, type BillLine } from './lines.js';

/** `tradebill` is about trades and their refunds, `fundflowbill` about an account's money. */
export type WechatBillType = 'tradebill' | 'fundflowbill';

/** Whose bill it is. */
export interface WechatBill {
  readonly type: WechatBillType;
  readonly appId: string;
  readonly mchId: string;
  readonly lines: readonly BillLine[];
}

const TRADE_COLUMNS =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,' +
  '应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,' +
  '手续费,费率,订单金额,申请退款金额,费率备注';
const TRADE_SUMS =
  '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const FUND_COLUMNS =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号';
const FUND_SUMS = '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额';

const SCENES: Readonly<Record<string, string>> = { jsapi: 'JSAPI', app: 'APP', h5: 'MWEB' };
const NONE = '0.00';

/** The lines that a bill of this type tells. */
export function linesIn(type: WechatBillType, lines: readonly BillLine[]): BillLine[] {
  const isTrade = (line: BillLine): boolean => line.kind === 'payment' || line.kind === 'refund';
  return lines.filter((line) => isTrade(line) === (type === 'tradebill'));
}

/** The file's bytes, made as they are read; the same ones each time. */
export function wechatCsv(bill: WechatBill): Readable {
  return Readable.from(wechatCsvParts(bill), { objectMode: false });
}

/** The same bytes, one part after another. */
export function* wechatCsvParts(bill: WechatBill): Generator<Buffer> {
  for (const part of text(bill)) yield Buffer.from(part);
}

function* text(bill: WechatBill): Generator<string> {
  const isTrade = bill.type === 'tradebill';
  yield `\uFEFF${isTrade ? TRADE_COLUMNS : FUND_COLUMNS}\r\n`;
  for (const line of bill.lines) yield row(isTrade ? tradeCells(bill, line) : fundCells(bill, line));
  yield `${isTrade ? TRADE_SUMS : FUND_SUMS}\r\n`;
  yield row(isTrade ? tradeSums(bill.lines) : fundSums(bill.lines));
}

function row(cells: readonly string[]): string {
  // There is no quoting in this form, so what would end a cell or a line is taken out of texts.
  const plain = cells.map((cell) => cell.replaceAll(/[\r\n`]|,(?=`)/g, ' '));
  return `\`${plain.join(',`')}\r\n`;
}

function tradeCells(bill: WechatBill, line: BillLine): string[] {
  const isRefund = line.kind === 'refund';
  const amount = yuanFromFen(line.amount);
  const state = line.status === 'revoked' ? 'REVOKED' : isRefund ? 'REFUND' : 'SUCCESS';
  return [
    toCst(line.at),
    bill.appId,
    bill.mchId,
    '0',
    '',
    line.tradeNo ?? line.providerNo,
    line.outTradeNo ?? line.no,
    line.party,
    SCENES[line.scene ?? ''] ?? 'NATIVE',
    state,
    'OTHERS',
    'CNY',
    isRefund ? NONE : amount,
    NONE,
    ...(isRefund ? [line.providerNo, line.no, amount, NONE, 'ORIGINAL'] : ['0', '0', NONE, NONE, '']),
    isRefund ? (line.status === 'processing' ? 'PROCESSING' : 'SUCCESS') : '',
    line.subject,
    '',
    // Of a fee, five decimals; of all other amounts two.
    `${signed(line.fee)}000`,
    `${yuanFromFen(FEE_BPS)}%`,
    isRefund ? NONE : amount,
    isRefund ? amount : NONE,
    '',
  ];
}

function tradeSums(lines: readonly BillLine[]): string[] {
  const of = (kind: BillLine['kind']): string =>
    yuanFromFen(lines.filter((line) => line.kind === kind).reduce((sum, line) => sum + line.amount, 0));
  const fees = lines.reduce((sum, line) => sum + line.fee, 0);
  const [paid, refunded] = [of('payment'), of('refund')];
  return [String(lines.length), paid, refunded, NONE, `${signed(fees)}000`, paid, refunded];
}

function fundCells(bill: WechatBill, line: BillLine): string[] {
  const isReturn = line.kind === 'payout_return';
  return [
    toCst(line.at),
    line.providerNo,
    `${line.providerNo.slice(0, 24)}${isReturn ? '1' : '0'}`,
    isReturn ? '商家转账退回' : '商家转账',
    '商家转账',
    isReturn ? '收入' : '支出',
    yuanFromFen(line.amount),
    NONE,
    bill.mchId,
    line.subject,
    line.no,
  ];
}

function fundSums(lines: readonly BillLine[]): string[] {
  const income = lines.filter((line) => line.kind === 'payout_return');
  const spent = lines.filter((line) => line.kind === 'payout');
  const total = (some: readonly BillLine[]): string =>
    yuanFromFen(some.reduce((sum, line) => sum + line.amount, 0));
  return [String(lines.length), String(income.length), total(income), String(spent.length), total(spent)];
}

function signed(fen: number): string {
  return fen < 0 ? `-${yuanFromFen(-fen)}` : yuanFromFen(fen);
}
