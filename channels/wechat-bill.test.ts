import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { BillRow } from './channel.js';
import { type FileServer, startFileServer } from './test-bill-files.js';
import {
  merchantKeys,
  providerKeys,
  refuseWechat,
  signWechatAnswer,
  stopGateways,
  WECHAT_APP,
  WECHAT_MCH,
} from './test-gateways.js';
import { failureOf, startLoopback, type Loopback, type LoopbackAnswer } from './test-support.js';
import { createWechat } from './wechat.js';

const DAY = '2026-06-05';
const COLUMNS =
  '交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,' +
  '应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,' +
  '手续费,费率,订单金额,申请退款金额,费率备注';
const SUMS = '总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额';
const PAYMENT =
  '`2026-06-05 16:01:38,`wx0000000000000001,`1900000001,`0,`,`4200000000202606050000000001,`ORD1,`oUpF8u,`NATIVE,`SUCCESS,' +
  '`OTHERS,`CNY,`12.30,`0.00,`0,`0,`0.00,`0.00,`,`,`一, 二 "三",`,`0.07000,`0.60%,`12.30,`0.00,`';
const REFUND =
  '`2026-06-05 17:00:01,`wx0000000000000001,`1900000001,`0,`,`4200000000202606050000000001,`ORD1,`oUpF8u,`NATIVE,`REFUND,' +
  '`OTHERS,`CNY,`0.00,`0.00,`50300000002026060500000001,`ORD1r1,`5.30,`0.00,`ORIGINAL,`SUCCESS,`商品,`,`-0.03000,`0.60%,' +
  '`0.00,`5.30,`';

function tradeBill(lines: readonly string[], count = lines.length): string {
  const sums = `\`${count},\`12.30,\`5.30,\`0.00,\`0.04000,\`12.30,\`5.30`;
  return `\uFEFF${[COLUMNS, ...lines, SUMS, sums].join('\r\n')}\r\n`;
}

const FUND_COLUMNS =
  '记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号';
const FUND_SUMS = '资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额';

const PAYMENT_ROW = {
  kind: 'payment',
  no: 'ORD1',
  providerNo: '4200000000202606050000000001',
  amountFen: 1230,
  feeFen: 7,
  status: 'succeeded',
  at: new Date('2026-06-05T08:01:38Z'),
};
const REFUND_ROW = {
  kind: 'refund',
  no: 'ORD1r1',
  outTradeNo: 'ORD1',
  providerNo: '50300000002026060500000001',
  amountFen: 530,
  feeFen: -3,
  status: 'succeeded',
  at: new Date('2026-06-05T09:00:01Z'),
};

let files: FileServer;
const gateways: Loopback[] = [];

beforeAll(async () => {
  files = await startFileServer();
});
afterEach(async () => {
  await stopGateways();
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
});
afterAll(() => files.stop());

interface Told {
  text: string;
  hash?: string;
  gzip?: Buffer;
}

const NOTHING = refuseWechat(400, 'NO_STATEMENT_EXIST');
const shaOf = (text: string): string => createHash('sha1').update(text).digest('hex');

/** What the adapter reads when WeChat Pay has these bills, or says this instead; `asked` are the calls it heard. */
async function read(
  trade: Told | LoopbackAnswer,
  fund: Told | LoopbackAnswer = NOTHING,
  asked: string[] = [],
) {
  const answerOf = (told: Told | LoopbackAnswer, token: string): LoopbackAnswer => {
    if (!('text' in told)) return told;
    files.files.set(`v3/billdownload/file?token=${token}`, told.gzip ?? gzipSync(told.text));
    // Another host than the gateway's: the adapter goes to its own base URL whatever is named here.
    const download_url = `https://api.mch.weixin.qq.com/v3/billdownload/file?token=${token}`;
    return signWechatAnswer({ hash_type: 'SHA1', hash_value: told.hash ?? shaOf(told.text), download_url });
  };
  const gateway = await startLoopback((request) => {
    const path = request.url ?? '';
    asked.push(`${request.headers.authorization === undefined ? 'unsigned ' : ''}${path}`);
    if (path.startsWith('/v3/bill/tradebill')) return answerOf(trade, 'one');
    if (path.startsWith('/v3/bill/fundflowbill')) return answerOf(fund, 'two');
    const file = files.files.get(path.slice(1));
    return typeof file === 'object' ? { body: '', bytes: file } : { status: file ?? 404, body: '' };
  });
  gateways.push(gateway);
  const wechat = createWechat({
    appId: WECHAT_APP,
    mchId: WECHAT_MCH,
    serial: '7132D72A03E93CDDF8C03BBD1F37EEDF00000000',
    privateKey: merchantKeys.privateKey,
    apiV3Key: '0123456789abcdef0123456789abcdef',
    publicKeyId: 'PUB_KEY_ID_0000000000000024101100397200000006',
    publicKey: providerKeys.publicKey,
    baseUrl: gateway.url,
    timeoutMs: 400,
  });
  const rows: BillRow[] = [];
  for await (const row of wechat.bill?.(DAY) ?? []) rows.push(row);
  return rows;
}

const readTrades = (lines: readonly string[], count?: number) => read({ text: tradeBill(lines, count) });

describe('wechat: what a bill says', () => {
  it('is read as it is written: backticks, yuan, commas and quotes in names, five decimals of fees', async () => {
    const asked: string[] = [];
    const rows = await read({ text: tradeBill([PAYMENT, REFUND]) }, NOTHING, asked);
    expect(rows).toEqual([PAYMENT_ROW, REFUND_ROW]);
    expect(asked).toEqual([
      `/v3/bill/tradebill?bill_date=${DAY}&tar_type=GZIP&bill_type=ALL`,
      '/v3/billdownload/file?token=one',
      `/v3/bill/fundflowbill?bill_date=${DAY}&tar_type=GZIP&account_type=OPERATION`,
    ]);
  });

  it.each([
    ['SUCCESS', 'succeeded'],
    ['PROCESSING', 'processing'],
    ['CHANGE', 'failed'],
    ['FAIL', 'failed'],
    ['A_NEW_WORD', 'unknown'],
  ])('of a refund that is %s is %s', async (word, status) => {
    const line = REFUND.replace('`ORIGINAL,`SUCCESS', `\`ORIGINAL,\`${word}`);
    expect(await readTrades([line])).toEqual([{ ...REFUND_ROW, status }]);
  });

  it.each(['REVOKED', 'A_NEW_WORD'])('of a payment that is %s is unknown', async (word) => {
    expect(await readTrades([PAYMENT.replace('SUCCESS', word)])).toMatchObject([{ status: 'unknown' }]);
  });

  it('of money has payouts, those that came back, and nothing else', async () => {
    const lines = [
      '`2026-06-05 10:00:00,`133001,`1,`商家转账,`商家转账,`支出,`5.03,`0.00,`1900000001,`提现,`PAY1',
      '`2026-06-05 11:00:00,`133002,`2,`商家转账退回,`商家转账,`收入,`5.03,`0.00,`1900000001,`提现,`PAY2',
      '`2026-06-05 12:00:00,`133003,`3,`充值,`充值,`收入,`9.00,`0.00,`1900000001,`,`X',
    ];
    const text = `\uFEFF${[FUND_COLUMNS, ...lines, FUND_SUMS, '`3,`2,`14.03,`1,`5.03'].join('\r\n')}\r\n`;
    const row = { kind: 'payout', amountFen: 503, feeFen: 0 };
    expect(await read(NOTHING, { text })).toEqual([
      { ...row, no: 'PAY1', providerNo: '133001', status: 'succeeded', at: new Date('2026-06-05T02:00:00Z') },
      { ...row, no: 'PAY2', providerNo: '133002', status: 'failed', at: new Date('2026-06-05T03:00:00Z') },
    ]);
  });

  it('is nothing when WeChat Pay has none, and not ready while it is made', async () => {
    expect(await read(NOTHING)).toEqual([]);
    const making = refuseWechat(400, 'STATEMENT_CREATING');
    expect((await failureOf(() => read(making))).code).toBe('bill_not_ready');
    expect((await failureOf(() => read({ text: tradeBill([PAYMENT]) }, making))).code).toBe('bill_not_ready');
  });
});

describe('wechat: a bill that cannot be read', () => {
  const text = tradeBill([PAYMENT, REFUND]);

  it.each<[string, Told | LoopbackAnswer]>([
    ['another hash', { text, hash: shaOf(`${text} `) }],
    ['no hash', { text, hash: '' }],
    ['a file that is no GZIP', { text, gzip: Buffer.from(text) }],
    ['a file that ends early', { text, gzip: gzipSync(text).subarray(0, -20) }],
    ['fewer rows than it says', { text: tradeBill([PAYMENT], 2) }],
    ['more rows than it says', { text: tradeBill([PAYMENT, REFUND], 1) }],
    ['no sums', { text: `\uFEFF${COLUMNS}\r\n${PAYMENT}\r\n` }],
    ['no columns', { text: `${PAYMENT}\r\n` }],
    ['a column missing', { text: text.replace('手续费', '别的') }],
    ['an amount that is none', { text: text.replace('`12.30,`0.00,`\r\n', '`x,`0.00,`\r\n') }],
    ['a negative amount', { text: text.replace('`12.30,`0.00,`\r\n', '`-12.30,`0.00,`\r\n') }],
    ['a time that is none', { text: text.replace('16:01:38', '25:01:38') }],
    ['a permission that is missing', refuseWechat(403, 'NO_AUTH')],
    ['a server error', refuseWechat(500, 'SYSTEM_ERROR')],
    ['another signature', signWechatAnswer({ hash_type: 'SHA1' }, { key: merchantKeys.privateKey })],
  ])('with %s is unknown, and not empty', async (_title, told) => {
    expect((await failureOf(() => read(told))).code).toBe('channel_unknown_outcome');
  });
});
