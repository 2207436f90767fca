/** What is Ping++'s own against the local providers: charges by its numbers, payouts, and the bill of a day. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { type Sandbox, startSandbox } from '../sandbox/server.js';
import type { Attempt, BillRow, PayoutRequest } from './channel.js';
import { type Merchant, openMerchant } from './test-merchant.js';
import { makePayout, payouts } from './test-payouts.js';
import { type Receiver, startReceiver } from './test-receiver.js';
import { failureOf, makeRefund, refunds } from './test-support.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let receiver: Receiver;
const opened: { sandbox: Sandbox; home: string }[] = [];

async function start(now?: () => number): Promise<Merchant> {
  const home = await mkdtemp(join(tmpdir(), 'pingpp-'));
  const sandbox = await startSandbox({ home, port: 0, speed: 1_000, ...(now && { now }) });
  opened.push({ sandbox, home });
  return openMerchant(sandbox, receiver);
}

let merchant: Merchant;
beforeAll(async () => {
  receiver = await startReceiver();
  merchant = await start();
});
afterEach(() => merchant.control('DELETE', '/faults'));
afterAll(async () => {
  for (const { sandbox, home } of opened) {
    await sandbox.close();
    await rm(home, { recursive: true });
  }
  await receiver.stop();
});

const pingpp = () => merchant.channels.pingpp;
const payQuietly = (no: string) => merchant.control('POST', `/trades/${no}/pay`, { notify: false });
const fault = (body: object) => merchant.control('POST', '/faults', { channel: 'pingpp', ...body });
const chargesOf = async ({ outTradeNo }: Attempt) => {
  const { data } = (await merchant.control('GET', `/trades?outTradeNo=${outTradeNo}`)) as {
    data: { tradeNo: string; refundedAmount: number }[];
  };
  return data;
};

/** An attempt whose posting is accepted and never answered, as it is asked about a minute later. */
async function lost(): Promise<Attempt> {
  const one = { ...merchant.attempt('qr'), createdAt: new Date(Date.now() - 60_000) };
  await fault({ requestTimeout: true, operation: 'create' });
  expect((await failureOf(() => pingpp().create(one))).code).toBe('channel_unknown_outcome');
  return one;
}

describe('an attempt whose posting had no answer', () => {
  it('W5: is found by our number when its payment is told by nobody', async () => {
    const one = await lost();
    expect(await pingpp().query(one)).toEqual({ state: 'unpaid' });
    await payQuietly(one.outTradeNo);
    expect(await pingpp().query(one)).toMatchObject({
      state: 'paid',
      payment: { outTradeNo: one.outTradeNo, amountFen: one.amountFen },
    });
    expect((await failureOf(() => pingpp().create(one))).code).toBe('channel_unknown_outcome');
    expect(await chargesOf(one)).toHaveLength(1);
  });

  it('M5: may come to two charges that are both paid, and what goes back goes back to its own', async () => {
    const one = await lost();
    const credential = await pingpp().create(one);
    const [first = '', second = ''] = [credential['earlierIds'], credential['chargeId']];
    expect((await chargesOf(one)).map(({ tradeNo }) => tradeNo).sort()).toEqual([first, second].sort());
    await payQuietly(first);
    expect(await pingpp().query({ ...one, credential })).toMatchObject({
      payment: { providerTradeNo: first },
    });
    await merchant.control('POST', `/trades/${second}/pay`, {});
    expect(pingpp().verifyNotification(await receiver.next(one.outTradeNo))).toMatchObject({
      payment: { providerTradeNo: second, outTradeNo: one.outTradeNo },
    });
    const request = makeRefund({
      outTradeNo: one.outTradeNo,
      providerTradeNo: second,
      refundNo: `${one.outTradeNo}b1`,
      amountFen: one.amountFen,
    });
    await refunds(pingpp()).refund(request);
    await merchant.control('POST', `/refunds/${request.refundNo}/settle`, { result: 'success' });
    expect((await refunds(pingpp()).queryRefund(request)).state).toBe('succeeded');
    const back = Object.fromEntries((await chargesOf(one)).map((one) => [one.tradeNo, one.refundedAmount]));
    expect(back).toEqual({ [first]: 0, [second]: one.amountFen });
  });

  it('W5: is found by the charge that was handed out before the last one', async () => {
    const one = merchant.attempt('qr');
    const first = await pingpp().create(one);
    const second = await pingpp().create({ ...one, credential: first });
    expect(second).toMatchObject({ earlierIds: first['chargeId'] });
    const third = await pingpp().create({ ...one, credential: second });
    await payQuietly(first['chargeId'] ?? '');
    expect(await pingpp().query({ ...one, credential: third })).toMatchObject({
      state: 'paid',
      payment: { providerTradeNo: first['chargeId'] },
    });
  });

  it('M5: opens no second charge of a number that is paid, whatever we know of it', async () => {
    const one = merchant.attempt('qr');
    await pingpp().create(one);
    await payQuietly(one.outTradeNo);
    // As if the first posting had been forgotten.
    expect((await failureOf(() => pingpp().create(one))).code).toBe('channel_unknown_outcome');
    expect(await chargesOf(one)).toHaveLength(1);
  });
});

it('a refund is told of, and is asked about by our number', async () => {
  const one = merchant.attempt('qr');
  const { chargeId = '' } = await pingpp().create(one);
  await payQuietly(one.outTradeNo);
  const request = makeRefund({
    outTradeNo: one.outTradeNo,
    providerTradeNo: chargeId,
    refundNo: `${one.outTradeNo}r1`,
  });
  await refunds(pingpp()).refund(request);
  await merchant.control('POST', `/refunds/${request.refundNo}/settle`, { result: 'success' });
  expect(pingpp().verifyNotification(await receiver.next(one.outTradeNo))).toMatchObject({
    kind: 'refund',
    outTradeNo: one.outTradeNo,
    refundNo: request.refundNo,
    providerStatus: 'refund.succeeded',
  });
});

it('a refund that fails says so, and another number may be asked for', async () => {
  const one = merchant.attempt('qr');
  const { chargeId = '' } = await pingpp().create(one);
  await payQuietly(one.outTradeNo);
  const given = { outTradeNo: one.outTradeNo, providerTradeNo: chargeId };
  const request = makeRefund({ ...given, refundNo: `${one.outTradeNo}r1` });
  await refunds(pingpp()).refund(request);
  await merchant.control('POST', `/refunds/${request.refundNo}/settle`, { result: 'fail' });
  expect(await refunds(pingpp()).refund(request)).toEqual({
    state: 'failed',
    providerStatus: 'refund_channel_failed',
  });
  const again = makeRefund({ ...given, refundNo: `${one.outTradeNo}r2` });
  expect(await refunds(pingpp()).refund(again)).toEqual({ state: 'processing' });
});

let payoutsMade = 0;
function newPayout(account = { no: 'seller@example.com', name: '张三' }): PayoutRequest {
  payoutsMade += 1;
  return makePayout({ payoutNo: `payouttest${String(payoutsMade).padStart(6, '0')}`, account });
}
const payout = (request: PayoutRequest) => payouts(pingpp()).payout(request);
const queryPayout = (request: PayoutRequest) => payouts(pingpp()).queryPayout(request);
const settle = (request: PayoutRequest, result: string) =>
  merchant.control('POST', `/payouts/${request.payoutNo}/settle`, { result });
const payoutsOf = async ({ payoutNo }: PayoutRequest) =>
  ((await merchant.control('GET', `/payouts?outPayoutNo=${payoutNo}`)) as { data: unknown[] }).data;

describe('a payout', () => {
  it.each([
    ['success', 'transfer.succeeded', { state: 'paid', providerPayoutNo: expect.stringMatching(/^tr_/) }],
    ['fail', 'transfer.failed', { state: 'failed', providerStatus: 'failed', message: '渠道拒绝付款' }],
  ])('ends by %s, and is told of', async (result, providerStatus, state) => {
    const request = newPayout();
    await merchant.control('PUT', '/webhooks', { channel: 'pingpp', url: receiver.urlFor(request.payoutNo) });
    expect(await payout(request)).toEqual({ state: 'processing' });
    await settle(request, result);
    expect(pingpp().verifyNotification(await receiver.next(request.payoutNo))).toMatchObject({
      kind: 'payout',
      payoutNo: request.payoutNo,
      providerStatus,
    });
    expect(await queryPayout(request)).toMatchObject(state);
    expect(await payout(request)).toMatchObject(state);
  });

  it('M9: is made once when its answer never came', async () => {
    const request = newPayout();
    await fault({ requestTimeout: true, operation: 'payout' });
    expect((await failureOf(() => payout(request))).code).toBe('channel_unknown_outcome');
    expect((await payout(request)).state).toMatch(/processing|paid/);
    expect(await payoutsOf(request)).toHaveLength(1);
  });

  it('M9: is made once when it is asked for many times at once', async () => {
    const request = newPayout();
    const states = await Promise.all(Array.from({ length: 5 }, () => payout(request)));
    expect(states).toEqual(Array.from({ length: 5 }, () => ({ state: 'processing' })));
    expect(await payoutsOf(request)).toHaveLength(1);
  });

  it.each([{ amountFen: fen(531) }, { account: { no: 'other@example.com', name: '张三' } }])(
    'M9: is not taken for another one of its number: %j',
    async (change) => {
      const request = newPayout();
      await payout(request);
      expect((await failureOf(() => payout({ ...request, ...change }))).code).toBe('channel_unknown_outcome');
      expect(await payoutsOf(request)).toHaveLength(1);
    },
  );

  it('M9: is asked for again when the balance was too low', async () => {
    const request = newPayout();
    await fault({ lowBalance: true, times: 1 });
    expect((await failureOf(() => payout(request))).code).toBe('channel_unknown_outcome');
    expect(await queryPayout(request)).toMatchObject({ state: 'unknown' });
    expect(await payout(request)).toEqual({ state: 'processing' });
  });

  it('M9: is refused for good when nobody has the account, and nothing was paid', async () => {
    const request = newPayout({ no: 'nobody@example.com', name: '张三' });
    expect((await failureOf(() => payout(request))).code).toBe('channel_refused');
    expect(await payoutsOf(request)).toEqual([]);
  });

  it('goes to an openid’s WeChat wallet', async () => {
    const request = newPayout({ no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '张三' });
    await payout(request);
    await settle(request, 'success');
    expect((await queryPayout(request)).state).toBe('paid');
  });
});

describe('the bill of a day', () => {
  const chinaDay = (at: number) => new Date(at + 8 * HOUR_MS).toISOString().slice(0, 10);
  const DIRECT = 105;

  async function rowsOf(date: string): Promise<BillRow[]> {
    const rows: BillRow[] = [];
    for await (const row of pingpp().bill?.(date) ?? []) rows.push(row);
    return rows;
  }

  it('is not there before the day is over', async () => {
    expect((await failureOf(() => rowsOf(chinaDay(Date.now())))).code).toBe('bill_not_ready');
  });

  it('has every payment, refund and payout of it, over all pages, and nothing of another day', async () => {
    const today = merchant;
    // Noon in China, three days ago.
    let clock = Date.parse(`${chinaDay(Date.now() - 3 * DAY_MS)}T12:00:00+08:00`);
    merchant = await start(() => clock);
    const numbers = Array.from({ length: DIRECT }, (_, nth) => `billtest${String(nth).padStart(4, '0')}`);
    for (const outTradeNo of numbers) {
      await merchant.control('POST', '/trades', { channel: 'pingpp', outTradeNo, amount: 100 });
    }
    clock += HOUR_MS;
    const paidAt = new Date(clock);
    for (const no of numbers.slice(0, -1)) await payQuietly(no);
    const [mine = ''] = numbers;
    const trade = (await merchant.control('GET', `/trades/${mine}`)) as { tradeNo: string };
    const given = { outTradeNo: mine, providerTradeNo: trade.tradeNo };
    for (const [refundNo, amount, result] of [
      ['billr1', 30, 'success'],
      ['billr2', 40, 'fail'],
    ] as const) {
      await refunds(pingpp()).refund(makeRefund({ ...given, refundNo, amountFen: fen(amount) }));
      await merchant.control('POST', `/refunds/${refundNo}/settle`, { result });
    }
    const request = newPayout();
    await payout(request);
    await settle(request, 'success');
    // The next day, and the charge can still be paid.
    clock += 14 * HOUR_MS;
    await payQuietly(numbers.at(-1) ?? '');
    const rows = await rowsOf(chinaDay(paidAt.getTime()));
    const paid = rows.filter(({ kind }) => kind === 'payment');
    expect(paid.map(({ no }) => no).sort()).toEqual(numbers.slice(0, -1));
    expect(paid.find(({ no }) => no === mine)).toEqual({
      kind: 'payment',
      no: mine,
      outTradeNo: mine,
      providerNo: trade.tradeNo,
      amountFen: 100,
      feeFen: 0,
      status: 'succeeded',
      at: paidAt,
    });
    expect(rows.filter(({ kind }) => kind === 'refund')).toMatchObject([
      { no: 'billr2', outTradeNo: mine, amountFen: 40, status: 'failed' },
      { no: 'billr1', outTradeNo: mine, amountFen: 30, status: 'succeeded' },
    ]);
    expect(rows.filter(({ kind }) => kind === 'payout')).toMatchObject([
      { no: request.payoutNo, amountFen: 530, status: 'succeeded' },
    ]);
    const next = await rowsOf(chinaDay(clock));
    expect(next).toMatchObject([{ kind: 'payment', no: numbers.at(-1), amountFen: 100 }]);
    merchant = today;
  });
});
