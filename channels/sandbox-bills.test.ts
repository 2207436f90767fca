/** Bills of both channels against the local providers: made out of what happened there, in the providers' own forms. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { fen } from '../domain/money.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import { tamperingProxy } from '../sandbox/test-proxy.js';
import type { BillRow, Channel } from './channel.js';
import { type Merchant, openMerchant } from './test-merchant.js';
import { makePayout, payouts } from './test-payouts.js';
import { type Receiver, startReceiver } from './test-receiver.js';
import { failureOf, refunds } from './test-support.js';
import { createWechat } from './wechat.js';

const DAY = '2026-11-22';
const NEXT_DAY = '2026-11-23';
const EMPTY_DAY = '2026-11-20';
/** When everything of the tests happens at the providers. */
const HAPPENED = new Date('2026-11-22T12:00:00+08:00');

let folder: string;
let oldFolder: string | undefined;
let sandbox: Sandbox;
let receiver: Receiver;
let merchant: Merchant;

beforeAll(async () => {
  // Whose bill is there is a question of the hour. Timers go on as ever, since sockets need them.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-24T20:00:00+08:00') });
  folder = await mkdtemp(join(tmpdir(), 'bills-'));
  oldFolder = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  sandbox = await startSandbox({
    home: join(folder, 'home'),
    port: 0,
    speed: 1,
    now: () => HAPPENED.getTime(),
  });
  receiver = await startReceiver();
  merchant = await openMerchant(sandbox, receiver);
});

afterEach(async () => {
  vi.setSystemTime(new Date('2026-11-24T20:00:00+08:00'));
  await merchant.control('DELETE', '/faults');
  await merchant.control('DELETE', '/bills/faults');
});

afterAll(async () => {
  await sandbox.close();
  await receiver.stop();
  if (oldFolder === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = oldFolder;
  vi.useRealTimers();
  await rm(folder, { recursive: true });
});

type Name = 'alipay' | 'wechat';

async function rowsOf(channel: Channel, date = DAY): Promise<BillRow[]> {
  const rows: BillRow[] = [];
  for await (const row of channel.bill?.(date) ?? []) rows.push(row);
  return rows;
}

/** Files of bills that are still on the disk. */
const leftOver = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.startsWith('holdfast-bill-'));

/** A payment, a refund of a part of it, a payout and one that came back. */
async function happen(name: Name) {
  const channel = merchant.channels[name];
  const attempt = merchant.attempt('qr');
  await channel.create(attempt);
  await merchant.control('POST', `/trades/${attempt.outTradeNo}/pay`, { notify: false });
  const { tradeNo } = (await merchant.control('GET', `/trades/${attempt.outTradeNo}`)) as { tradeNo: string };
  const refund = {
    outTradeNo: attempt.outTradeNo,
    providerTradeNo: tradeNo,
    refundNo: `${attempt.outTradeNo}r1`,
    amountFen: fen(530),
    capturedFen: attempt.amountFen,
    currency: 'CNY',
    reason: '',
    notifyUrl: receiver.urlFor(`${attempt.outTradeNo}r1`),
  } as const;
  await refunds(channel).refund(refund);
  const settled = (await merchant.control('POST', `/refunds/${refund.refundNo}/settle`, {
    result: 'success',
    notify: false,
  })) as { refundNo: string };
  const account = { no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o@example.com', name: '沈括' };
  const out = [];
  for (const suffix of ['p1', 'p2']) {
    const one = makePayout({ payoutNo: `${attempt.outTradeNo}${suffix}`, account });
    await payouts(channel).payout(one);
    const end = { result: 'success', notify: false };
    const known = await merchant.control('POST', `/payouts/${one.payoutNo}/settle`, end);
    out.push({ ...one, providerNo: (known as { payoutNo: string }).payoutNo });
  }
  const back = { result: 'bounce', notify: false };
  await merchant.control('POST', `/payouts/${attempt.outTradeNo}p2/settle`, back);
  return { attempt, tradeNo, refund, refundNo: settled.refundNo, out };
}

const about = (rows: readonly BillRow[], { outTradeNo }: { outTradeNo: string }): BillRow[] =>
  rows.filter((row) => row.no.startsWith(outTradeNo));

describe.each(['alipay', 'wechat'] as const)('the bill of %s', (name) => {
  const rows = (date?: string) => rowsOf(merchant.channels[name], date);
  const broken = (date?: string) => failureOf(() => rows(date));

  it('tells payments, refunds and payouts, to the fen, with what the provider keeps', async () => {
    const { attempt, tradeNo, refund, refundNo, out } = await happen(name);
    const common = { status: 'succeeded', at: HAPPENED } as const;
    const told = out.map(({ payoutNo: no, providerNo }) => ({
      ...common,
      kind: 'payout',
      no,
      providerNo,
      amountFen: 530,
      feeFen: 0,
    }));
    expect(about(await rows(), attempt)).toEqual([
      { ...common, kind: 'payment', no: attempt.outTradeNo, providerNo: tradeNo, amountFen: 1230, feeFen: 7 },
      {
        ...common,
        kind: 'refund',
        no: refund.refundNo,
        outTradeNo: attempt.outTradeNo,
        providerNo: name === 'alipay' ? refund.refundNo : refundNo,
        amountFen: 530,
        feeFen: -3,
      },
      ...told,
      { ...told[1], status: 'failed' },
    ]);
  });

  it('tells nothing of another day, nor of a day on which nothing happened', async () => {
    await happen(name);
    expect(await rows(NEXT_DAY)).toEqual([]);
    expect(await rows(EMPTY_DAY)).toEqual([]);
  });

  it('is not ready on the day itself, and is not asked for', async () => {
    vi.setSystemTime(new Date('2026-11-22T23:59:59+08:00'));
    expect(await broken()).toMatchObject({ code: 'bill_not_ready', details: { channel: name, date: DAY } });
  });

  it('that is not there is not ready before ten the next morning, and empty from then on', async () => {
    vi.setSystemTime(new Date('2026-11-21T09:59:59+08:00'));
    expect((await broken(EMPTY_DAY)).code).toBe('bill_not_ready');
    vi.setSystemTime(new Date('2026-11-21T10:00:00+08:00'));
    expect(await rows(EMPTY_DAY)).toEqual([]);
  });

  it('is not ready while the provider makes it', async () => {
    const { attempt } = await happen(name);
    vi.setSystemTime(new Date('2026-11-23T09:30:00+08:00'));
    await merchant.control('POST', '/faults', { channel: name, billNotReady: true, times: 1 });
    expect((await broken()).code).toBe('bill_not_ready');
    expect(about(await rows(), attempt)).toHaveLength(5);
  });

  it.each(['2026-02-30', '2026-1-1', 'yesterday', ''])('of %j is refused', async (date) => {
    expect((await broken(date)).code).toBe('invalid_request');
  });

  it.each([
    ['whose address does not come', { requestTimeout: true, operation: 'bill' }],
    ['whose address is refused', { errorRate: 1, operation: 'bill' }],
    ['that ends in the middle', { requestTimeout: true, operation: 'billDownload' }],
    ['that does not begin', { hangMs: 30_000, operation: 'billDownload' }],
    ['that is refused', { errorRate: 1, operation: 'billDownload' }],
  ])('%s is fetched again, and leaves nothing behind', async (_what, fault) => {
    const { attempt } = await happen(name);
    await merchant.control('POST', '/faults', { channel: name, ...fault });
    expect((await broken()).code).toBe('channel_unknown_outcome');
    expect(await leftOver()).toEqual([]);
    await merchant.control('DELETE', '/faults');
    expect(about(await rows(), attempt)).toHaveLength(5);
  });

  it('leaves nothing behind, read to the end or not', async () => {
    await happen(name);
    await rows();
    for await (const row of merchant.channels[name].bill?.(DAY) ?? []) {
      expect(row.kind).toBe('payment');
      break;
    }
    expect(await leftOver()).toEqual([]);
  });
});

describe.each(['alipay', 'wechat'] as const)('a bill of %s that differs', (name) => {
  const rows = (date?: string) => rowsOf(merchant.channels[name], date);

  async function differ(type: string, no: string, kind: string): Promise<void> {
    const asked = { channel: name, date: DAY, differences: [{ type, no, kind, count: 1 }] };
    const { data } = (await merchant.control('POST', '/bills/faults', asked)) as { data: object[] };
    expect(data).toMatchObject([{ channel: name, date: DAY, type, kind, no }]);
  }

  it.each(['payment', 'refund', 'payout'] as const)('leaves a %s out, or tells it twice', async (kind) => {
    const { attempt } = await happen(name);
    const no = `${attempt.outTradeNo}${{ payment: '', refund: 'r1', payout: 'p1' }[kind]}`;
    const before = (await rows()).filter((row) => row.no === no);
    expect(before).toHaveLength(1);
    await differ('missing', no, kind);
    expect((await rows()).filter((row) => row.no === no)).toEqual([]);
    await merchant.control('DELETE', '/bills/faults');
    await differ('duplicate', no, kind);
    expect((await rows()).filter((row) => row.no === no)).toEqual([...before, ...before]);
  });

  it.each([
    ['payment', '', 1231],
    ['refund', 'r1', 531],
    ['payout', 'p1', 531],
  ])('tells another amount of a %s', async (kind, suffix, amountFen) => {
    const { attempt } = await happen(name);
    const no = `${attempt.outTradeNo}${suffix}`;
    await differ('amount', no, kind);
    expect((await rows()).filter((row) => row.no === no)).toMatchObject([{ kind, amountFen }]);
  });

  it.each([
    ['payment', '', 8],
    ['refund', 'r1', -2],
  ])('tells another fee of a %s', async (kind, suffix, feeFen) => {
    const { attempt } = await happen(name);
    const no = `${attempt.outTradeNo}${suffix}`;
    await differ('fee', no, kind);
    expect((await rows()).filter((row) => row.no === no)).toMatchObject([{ kind, feeFen }]);
  });

  it('tells a payment a day late', async () => {
    const { attempt } = await happen(name);
    await differ('late', attempt.outTradeNo, 'payment');
    const isIt = (row: BillRow): boolean => row.no === attempt.outTradeNo;
    expect((await rows()).filter(isIt)).toEqual([]);
    expect((await rows(NEXT_DAY)).filter(isIt)).toMatchObject([{ amountFen: 1230, at: HAPPENED }]);
  });

  it.each(['payment', 'refund', 'payout'])('tells a %s of which nobody else knows', async (kind) => {
    await differ('extra', 'neverheardof0001', kind);
    const told = (await rows()).filter((row) => row.no === 'neverheardof0001');
    expect(told).toMatchObject([{ kind, amountFen: 100, status: 'succeeded' }]);
  });

  it('answers which lines were touched, and touches none twice', async () => {
    await happen(name);
    const all = (await merchant.control('GET', `/bills?channel=${name}&date=${DAY}`)) as { data: object[] };
    const differences = [
      { type: 'missing', count: 2 },
      { type: 'amount', count: 1_000_000 },
    ];
    const asked = { channel: name, date: DAY, differences };
    const { data } = (await merchant.control('POST', '/bills/faults', asked)) as { data: { no: string }[] };
    expect(data).toHaveLength(all.data.length);
    expect(await merchant.control('GET', `/bills/faults?channel=${name}`)).toEqual({ data });
  });
});

describe('a bill of wechat', () => {
  it.each([
    ['payment', '', 'unknown'],
    ['refund', 'r1', 'processing'],
  ])('may tell another status of a %s', async (kind, suffix, status) => {
    const { attempt } = await happen('wechat');
    const no = `${attempt.outTradeNo}${suffix}`;
    const differences = [{ type: 'status', kind, no }];
    await merchant.control('POST', '/bills/faults', { channel: 'wechat', date: DAY, differences });
    const told = (await rowsOf(merchant.channels.wechat)).filter((row) => row.no === no);
    expect(told).toMatchObject([{ kind, status }]);
  });

  it.each([
    ['another file', (body: string) => (body.startsWith('\x1f\x8b') ? body.slice(0, -4) : body)],
    ['another hash', (body: string) => body.replace(/"hash_value":"./, '"hash_value":"0')],
  ])('does not count when %s comes than was announced', async (_what, change) => {
    await happen('wechat');
    const proxy = await tamperingProxy(merchant.configs.wechat.baseUrl, change);
    const fooled = createWechat({ ...merchant.configs.wechat, baseUrl: proxy.url });
    expect((await failureOf(() => rowsOf(fooled))).code).toBe('channel_unknown_outcome');
    await proxy.close();
    expect(await leftOver()).toEqual([]);
  });
});
