import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bill } from './alipay-bill.js';
import type { AlipayClient } from './alipay-client.js';
import type { BillRow } from './channel.js';
import { type FileServer, startFileServer, zipOf } from './test-bill-files.js';
import { alipayConfig, alipayThatHears, refuseAlipay, signAlipay, stopGateways } from './test-gateways.js';
import { failureOf } from './test-support.js';

const METHOD = 'alipay.data.dataservice.bill.downloadurl.query';
const DAY = '2026-06-05';
const TRADE_FILE = '20887226827483540156_20260605_业务明细.csv';
const FUND_FILE = '20887226827483540156_20260605_账务明细.csv';

const COLUMNS =
  '支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,' +
  '商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,' +
  '卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注';
const PAYMENT =
  '2026060522001419931441932972\t,ORD1\t,交易\t,商品,2026-06-05 16:01:34,2026-06-05 16:01:38,\t,\t,\t,\t,' +
  '**博(156******89)\t,12.30,12.30,0.00,0.00,0.00,0.00,0.00,\t,0.00,0.00,\t,-0.07,0.00,\t';
const REFUND =
  '2026060522001419931441932972\t,ORD1\t,退款\t,"一, 二 ""三""",2026-06-05 17:00:00,2026-06-05 17:00:01,\t,\t,\t,\t,' +
  '**博(156******89)\t,-5.30,-5.30,0.00,0.00,0.00,0.00,0.00,\t,0.00,0.00,ORD1r1\t,0.03,0.00,\t';

/** As Alipay writes it, of one day. */
function tradeBill(...lines: string[]): string {
  return [
    '#支付宝业务明细查询',
    '#账号：[20887226827483540156]',
    '#起始日期：[2026年06月05日 00:00:00]   终止日期：[2026年06月06日 00:00:00]',
    '#-----------------------------------------业务明细列表----------------------------------------',
    COLUMNS,
    ...lines,
    '#-----------------------------------------业务明细列表结束------------------------------------',
    '#交易合计：1笔，商家实收共12.30元，商家优惠共0.00元',
    '#导出时间：[2026年06月06日 09:00:00]',
    '',
  ].join('\r\n');
}

const FUND_COLUMNS =
  '账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注';

function fundBill(...lines: string[]): string {
  return ['#支付宝账务明细查询', FUND_COLUMNS, ...lines, '#账务明细列表结束', ''].join('\r\n');
}

const common = { status: 'succeeded', feeFen: 0 } as const;
const PAYMENT_ROW = {
  ...common,
  kind: 'payment',
  no: 'ORD1',
  providerNo: '2026060522001419931441932972',
  amountFen: 1230,
  feeFen: 7,
  at: new Date('2026-06-05T08:01:38Z'),
};
const REFUND_ROW = {
  ...common,
  kind: 'refund',
  no: 'ORD1r1',
  outTradeNo: 'ORD1',
  providerNo: 'ORD1r1',
  amountFen: 530,
  feeFen: -3,
  at: new Date('2026-06-05T09:00:01Z'),
};

let files: FileServer;

beforeAll(async () => {
  files = await startFileServer();
});
afterEach(stopGateways);
afterAll(() => files.stop());

/** What the adapter reads when Alipay has these files, or says this instead. */
async function read(trade: Buffer | number | object, fund: Buffer | object = refuse()): Promise<BillRow[]> {
  let asked = 0;
  const { alipay } = await alipayThatHears((method) => {
    asked += 1;
    const answer = asked === 1 ? trade : fund;
    if (!(answer instanceof Buffer) && typeof answer !== 'number') return signAlipay(method, answer);
    files.files.set(`file${asked}`, answer);
    return signAlipay(method, { code: '10000', bill_download_url: `${files.url}file${asked}` });
  });
  const rows: BillRow[] = [];
  for await (const row of alipay.bill?.(DAY) ?? []) rows.push(row);
  return rows;
}

const refuse = (subCode = 'isp.bill_not_exist'): object => refuseAlipay('40004', subCode);
const readTrades = async (text: string): Promise<BillRow[]> => read(await zipOf({ [TRADE_FILE]: text }));

describe('alipay: what a bill says', () => {
  it.each([
    ['in GBK', true],
    ['in UTF-8', false],
  ])('is read from the file of details, whose name is %s', async (_title, isGbkNamed) => {
    const texts = {
      [TRADE_FILE.replace('.csv', '(汇总).csv')]: '#支付宝业务汇总查询\r\n门店编号,合计\r\n1,2\r\n',
      [TRADE_FILE]: tradeBill(PAYMENT, REFUND),
    };
    expect(await read(await zipOf(texts, isGbkNamed))).toEqual([PAYMENT_ROW, REFUND_ROW]);
  });

  it('is asked for by day and by type, trades first', async () => {
    const { alipay, asked } = await alipayThatHears((method) => signAlipay(method, refuse()));
    for await (const row of alipay.bill?.(DAY) ?? []) expect(row).toBeUndefined();
    expect(asked.map((query) => [query.get('method'), JSON.parse(query.get('biz_content') ?? '')])).toEqual([
      [METHOD, { bill_type: 'trade', bill_date: DAY }],
      [METHOD, { bill_type: 'signcustomer', bill_date: DAY }],
    ]);
  });

  it('of trades has refunds by hand too, which have no number of ours', async () => {
    const byHand = REFUND.replace('ORD1r1\t', '\t');
    const no = '2026060522001419931441932972';
    expect(await readTrades(tradeBill(byHand))).toEqual([{ ...REFUND_ROW, no, providerNo: no }]);
  });

  it.each([
    [PAYMENT.replace('交易', '交易关闭'), { kind: 'payment', status: 'unknown' }],
    [REFUND.replace('退款', '退票'), { kind: 'refund', status: 'unknown' }],
    [PAYMENT.replace('-0.07', '0.00'), { kind: 'payment', feeFen: 0 }],
    [PAYMENT.replaceAll('12.30', '0.01'), { kind: 'payment', amountFen: 1 }],
  ])('of trades has rows such as %s', async (line, row) => {
    expect(await readTrades(tradeBill(line))).toMatchObject([row]);
  });

  it('of money has payouts, those that came back, and nothing else', async () => {
    const text = fundBill(
      '1\t,F1\t,PAY1\t,提现,2026-06-05 10:00:00,a@b.c\t,0.00,-5.03,0.00,支付宝,转账\t,\t',
      '2\t,F2\t,PAY2\t,提现,2026-06-05 11:00:00,a@b.c\t,5.03,0.00,0.00,支付宝,转账退回\t,\t',
      '3\t,F3\t,ORD1\t,商品,2026-06-05 12:00:00,a@b.c\t,12.30,0.00,0.00,支付宝,在线支付\t,\t',
      '4\t,F4\t,\t,红包,2026-06-05 13:00:00,a@b.c\t,9.00,0.00,0.00,支付宝,转账\t,\t',
    );
    expect(await read(refuse(), await zipOf({ [FUND_FILE]: text }))).toEqual([
      {
        ...common,
        kind: 'payout',
        no: 'PAY1',
        providerNo: 'F1',
        amountFen: 503,
        at: new Date('2026-06-05T02:00:00Z'),
      },
      {
        ...common,
        kind: 'payout',
        no: 'PAY2',
        providerNo: 'F2',
        amountFen: 503,
        at: new Date('2026-06-05T03:00:00Z'),
        status: 'failed',
      },
    ]);
  });
});

describe('alipay: a bill that cannot be read', () => {
  const failsWith = async (work: Promise<unknown>): Promise<string> => (await failureOf(() => work)).code;

  it.each([
    ['without a column', tradeBill(PAYMENT).replace('服务费（元）', '别的')],
    ['with a row that is too short', tradeBill('1,2,交易')],
    ['with an amount that is none', tradeBill(PAYMENT.replace('12.30', '12.3.0'))],
    ['with a time that is none', tradeBill(PAYMENT.replace('16:01:38', '25:01:38'))],
    ['without anything', '#支付宝业务明细查询\r\n'],
  ])('%s is unknown', async (_title, text) => {
    expect(await failsWith(readTrades(text))).toBe('channel_unknown_outcome');
  });

  it('whose file is damaged is unknown, before a row of it counts', async () => {
    const whole = await zipOf({ [TRADE_FILE]: tradeBill(PAYMENT, REFUND) });
    for (const damaged of [
      whole.subarray(0, -30),
      whole.subarray(10),
      Buffer.from('no ZIP'),
      withWrongSum(whole),
    ]) {
      expect(await failsWith(read(damaged))).toBe('channel_unknown_outcome');
    }
  });

  it.each([404, 302, 500])('that is answered with %i is unknown', async (status) => {
    expect(await failsWith(read(status))).toBe('channel_unknown_outcome');
  });

  it('that has no file of details in it is unknown', async () => {
    const zip = await zipOf({ '20887226827483540156_20260605_别的.csv': tradeBill(PAYMENT) });
    expect(await failsWith(read(zip))).toBe('channel_unknown_outcome');
  });

  it.each(['isv.insufficient-isv-permissions', 'isp.unknow-error'])(
    'for which Alipay says %s is unknown, and not empty',
    async (subCode) => {
      expect(await failsWith(read(refuse(subCode)))).toBe('channel_unknown_outcome');
    },
  );

  it.each(['http://127.0.0.1/file', 'ftp://127.0.0.1/file', 'file:///etc/passwd'])(
    'S6: is not fetched from %s for a gateway that speaks TLS',
    async (url) => {
      const call = async () => ({ ok: true, fields: { bill_download_url: url } });
      const config = {
        ...alipayConfig('http://127.0.0.1:9/'),
        gateway: 'https://openapi.alipay.com/gateway.do',
      };
      const rows = bill({ call } as unknown as AlipayClient, config, DAY);
      expect(await failsWith(rows.next())).toBe('channel_unknown_outcome');
    },
  );
});

/** The sum of the first entry, where the directory at the end has it. */
function withWrongSum(zip: Buffer): Buffer {
  const wrong = Buffer.from(zip);
  const directory = wrong.lastIndexOf(Buffer.from([0x50, 0x4b, 0x01, 0x02]));
  wrong.writeUInt8(wrong.readUInt8(directory + 16) ^ 1, directory + 16);
  return wrong;
}
