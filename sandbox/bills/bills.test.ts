import type { AlipaySdk } from 'alipay-sdk';
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import { beforeAll, describe, expect, it } from 'vitest';
import { Formatter, type Wechatpay } from 'wechatpay-axios-plugin';
import { exec } from '../gateways/alipay/test-support.js';
import { settled, type Answer } from '../gateways/wechat/test-support.js';
import { tamperingProxy } from '../test-proxy.js';
import {
  alipayClient,
  orderNo,
  testHome,
  testSandbox,
  wechatClient,
  type TestSandbox,
} from '../test-support.js';

const METHOD = 'alipay.data.dataservice.bill.downloadurl.query';
const DAY = '2026-11-23';

let sandbox: TestSandbox;
let sdk: AlipaySdk;
let wechat: Wechatpay;

beforeAll(async () => {
  sandbox = await testSandbox({ now: () => Date.parse('2026-11-23T12:00:00+08:00') });
  sdk = await alipayClient(sandbox.environment);
  wechat = wechatClient(sandbox.environment);
});

const env = (name: string): string => sandbox.environment[name] ?? '';

/** A payment of 10 yuan, of which 3 go back. */
async function happen(channel: string): Promise<string> {
  const no = orderNo();
  await sandbox.control('POST', '/trades', {
    channel,
    outTradeNo: no,
    amount: 1000,
    subject: '一小时, "设计"',
  });
  await sandbox.control('POST', `/trades/${no}/pay`, { notify: false });
  return no;
}

describe('Alipay’s bill', () => {
  const addressOf = (bill_type: string, bill_date = DAY): Promise<Record<string, unknown>> =>
    exec(sdk, METHOD, { bill_type, bill_date });

  async function filesOf(bill_type: string): Promise<Record<string, string>> {
    const { billDownloadUrl } = await addressOf(bill_type);
    const answer = await fetch(String(billDownloadUrl));
    expect(answer.status).toBe(200);
    const zip = await fromBufferPromise(Buffer.from(await answer.arrayBuffer()), { lazyEntries: true });
    const files: Record<string, string> = {};
    for await (const entry of zip.eachEntry()) {
      const parts: Buffer[] = [];
      for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer);
      files[entry.fileName] = new TextDecoder('gbk', { fatal: true }).decode(Buffer.concat(parts));
    }
    return files;
  }

  it('is a ZIP of details and sums in GBK, at an address that the official client verifies', async () => {
    const no = await happen('alipay');
    const files = await filesOf('trade');
    const name = `${env('ALIPAY_SELLER_ID')}_20261123_业务明细`;
    expect(Object.keys(files)).toEqual([`${name}.csv`, `${name}(汇总).csv`]);
    const lines = (files[`${name}.csv`] ?? '').split('\r\n');
    expect(lines[0]).toBe('#支付宝业务明细查询');
    expect(lines[2]).toBe('#起始日期：[2026年11月23日 00:00:00]   终止日期：[2026年11月24日 00:00:00]');
    expect(lines[4]).toMatch(/^支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,/);
    const [row = ''] = lines.filter((line) => line.includes(no));
    expect(row).toContain(`,${no}\t,交易\t,"一小时, ""设计""",2026-11-23 12:00:00,2026-11-23 12:00:00,`);
    expect(row).toMatch(/,10\.00,10\.00,.*,-0\.06,0\.00,\t$/);
  });

  it('of the account’s money tells the payouts', async () => {
    const no = orderNo();
    await exec(sdk, 'alipay.fund.trans.uni.transfer', {
      product_code: 'TRANS_ACCOUNT_NO_PWD',
      biz_scene: 'DIRECT_TRANSFER',
      out_biz_no: no,
      trans_amount: '5.03',
      payee_info: { identity: 'a@b.cd', identity_type: 'ALIPAY_LOGON_ID', name: '沈括' },
    });
    await sandbox.control('POST', `/payouts/${no}/settle`, { result: 'success' });
    const [details = ''] = Object.values(await filesOf('signcustomer'));
    expect(details.split('\r\n').find((line) => line.includes(no))).toMatch(
      /,0\.00,-5\.03,0\.00,支付宝,转账,\t$/,
    );
  });

  it.each([
    [
      'a day on which nothing happened',
      { bill_type: 'trade', bill_date: '2026-11-20' },
      'isp.bill_not_exist',
    ],
    ['a day that is none', { bill_type: 'trade', bill_date: '2026-02-30' }, 'isv.invalid-arguments'],
    ['a month', { bill_type: 'trade', bill_date: '2026-11' }, 'isv.invalid-arguments'],
    ['another type', { bill_type: 'merchant_act', bill_date: DAY }, 'isv.invalid-arguments'],
  ])('is refused for %s', async (_what, content, subCode) => {
    expect(await exec(sdk, METHOD, content)).toMatchObject({ code: '40004', subCode });
  });

  it('is refused at an address that nobody was given', async () => {
    await happen('alipay');
    const { billDownloadUrl } = await addressOf('trade');
    const forged = String(billDownloadUrl).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect((await fetch(forged)).status).toBe(403);
  });

  it('has an address that the official client refuses when it was changed on its way', async () => {
    await happen('alipay');
    const proxy = await tamperingProxy(env('ALIPAY_GATEWAY'), (body) => body.replace('token=', 'token=0'));
    const fooled = await alipayClient({ ...sandbox.environment, ALIPAY_GATEWAY: `${proxy.url}gateway.do` });
    await expect(exec(fooled, METHOD, { bill_type: 'trade', bill_date: DAY })).rejects.toThrow(/验签失败/);
    await proxy.close();
  });
});

describe('WeChat Pay’s bill', () => {
  const ask = (path: string, params: object, by = wechat): Promise<Answer> =>
    settled(by.chain(path).get<unknown, Answer>({ params }));
  const askTrades = (params: object = {}): Promise<Answer> =>
    ask('v3/bill/tradebill', { bill_date: DAY, bill_type: 'ALL', ...params });

  async function fileOf({ data }: Answer): Promise<Buffer> {
    const { pathname, searchParams } = new URL(String(data['download_url']));
    const answer = await wechat.chain(pathname.slice(1)).get<unknown, { data: Buffer }>({
      params: Object.fromEntries(searchParams),
      responseType: 'arraybuffer',
      transformResponse: [(file: unknown) => file],
    });
    return answer.data;
  }

  it('is a CSV that the client reads, by the hash that was announced, also as GZIP', async () => {
    const no = await happen('wechat');
    const plain = await askTrades();
    const zipped = await askTrades({ tar_type: 'GZIP' });
    const file = await fileOf(plain);
    expect(plain.data).toMatchObject({
      hash_type: 'SHA1',
      hash_value: createHash('sha1').update(file).digest('hex'),
    });
    expect(gunzipSync(await fileOf(zipped)).equals(file)).toBe(true);
    expect(zipped.data['hash_value']).toBe(plain.data['hash_value']);
    const { rows, summary } = Formatter.castCsvBill(file) as {
      rows: Record<string, string>[];
      summary: Record<string, string>;
    };
    expect(rows.find((row) => row['商户订单号'] === no)).toMatchObject({
      交易时间: '2026-11-23 12:00:00',
      公众账号ID: env('WECHAT_APP_ID'),
      商户号: env('WECHAT_MCH_ID'),
      交易状态: 'SUCCESS',
      商品名称: '一小时, "设计"',
      手续费: '0.06000',
      费率: '0.60%',
      订单金额: '10.00',
    });
    expect(summary['总交易单数']).toBe(String(rows.length));
  });

  it.each([
    ['v3/bill/tradebill', { bill_date: '2026-11-20', bill_type: 'ALL' }, 'NO_STATEMENT_EXIST'],
    ['v3/bill/fundflowbill', { bill_date: DAY, account_type: 'FEES' }, 'NO_STATEMENT_EXIST'],
    ['v3/bill/tradebill', { bill_date: '2026-02-30' }, 'PARAM_ERROR'],
    ['v3/bill/tradebill', { bill_date: DAY, tar_type: 'ZIP' }, 'PARAM_ERROR'],
    ['v3/bill/fundflowbill', { bill_date: DAY, account_type: 'X' }, 'PARAM_ERROR'],
  ])('%s is refused for %j', async (path, params, code) => {
    expect(await ask(path, params)).toMatchObject({ status: 400, data: { code } });
  });

  it('is given to nobody who does not sign for it', async () => {
    await happen('wechat');
    const { data } = await askTrades();
    expect((await fetch(String(data['download_url']))).status).toBe(401);
    const unsigned = new URL(`v3/bill/tradebill?bill_date=${DAY}`, env('WECHAT_BASE_URL'));
    expect((await fetch(unsigned)).status).toBe(401);
    const forged = String(data['download_url']).replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await expect(fileOf({ status: 200, data: { download_url: forged } })).rejects.toMatchObject({
      response: { status: 400 },
    });
  });

  it('has a hash that the client refuses when it was changed on its way', async () => {
    await happen('wechat');
    const proxy = await tamperingProxy(env('WECHAT_BASE_URL'), (body) =>
      body.replace(/"hash_value":"./, '"hash_value":"x'),
    );
    const fooled = wechatClient(sandbox.environment, { baseURL: proxy.url });
    await expect(ask('v3/bill/tradebill', { bill_date: DAY }, fooled)).rejects.toMatchObject({
      code: 'EV3_RES_HEADER_SIGNATURE_DIGEST',
    });
    await proxy.close();
  });
});

describe('POST /bills/faults', () => {
  const inject = (body: object): Promise<{ status: number; body: Record<string, unknown> }> =>
    sandbox.control('POST', '/bills/faults', { channel: 'alipay', date: DAY, ...body });

  it.each([
    ['no difference', { differences: [] }, 400, 'invalid_input'],
    ['a type that is none', { differences: [{ type: 'odd' }] }, 400, 'invalid_input'],
    ['a day that is none', { date: '2026-02-30', differences: [{ type: 'missing' }] }, 400, 'invalid_input'],
    ['a channel that is none', { channel: 'cash', differences: [{ type: 'missing' }] }, 400, 'invalid_input'],
    ['a fee of Ping++’s', { channel: 'pingpp', differences: [{ type: 'fee' }] }, 409, 'no_such_difference'],
    [
      'a made-up refund of Stripe’s',
      { channel: 'stripe', differences: [{ type: 'extra', kind: 'refund' }] },
      409,
      'no_such_difference',
    ],
    ['a status of Alipay’s', { differences: [{ type: 'status' }] }, 409, 'no_such_difference'],
  ])('refuses %s', async (_what, body, status, code) => {
    expect(await inject(body)).toMatchObject({ status, body: { error: { code } } });
  });

  it('is kept over a restart, until it is taken out', async () => {
    const home = await testHome();
    const now = (): number => Date.parse('2026-11-23T12:00:00+08:00');
    let one = await testSandbox({ home, now });
    const no = orderNo();
    await one.control('POST', '/trades', { channel: 'wechat', outTradeNo: no, amount: 1000 });
    await one.control('POST', `/trades/${no}/pay`, { notify: false });
    const wish = { channel: 'wechat', date: DAY, differences: [{ type: 'amount', count: 3 }] };
    const { data } = await one.control('POST', '/bills/faults', wish);
    expect(data).toMatchObject([{ type: 'amount', kind: 'payment', no, amount: 1000 }]);
    await one.close();
    one = await testSandbox({ home, now });
    const lines = async () => (await one.control('GET', `/bills?channel=wechat&date=${DAY}`)).data;
    expect(await lines()).toMatchObject([{ no, amount: 1001 }]);
    await one.control('DELETE', '/bills/faults?channel=wechat');
    expect(await lines()).toMatchObject([{ no, amount: 1000 }]);
  });
});
