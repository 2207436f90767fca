import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PayoutDesk, PAYOUT_RESULTS, type NewPayout, type Payout, type PayoutResult } from './payouts.js';
import { openStore, type Store } from './store.js';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-24T12:00:00Z');

let folder: string;
let store: Store;
let told: Payout[];
let desk: PayoutDesk;

function newDesk(on: Store, speed = 1): PayoutDesk {
  return new PayoutDesk({
    store: on,
    listener: async (payout) => {
      told.push(payout);
    },
    now: () => NOW,
    speed,
    report: (error) => {
      throw error;
    },
  });
}

function details(changes: Partial<NewPayout> = {}): NewPayout {
  return {
    channel: 'wechat',
    payoutNo: '1330000071100999991182020050700019480001',
    outPayoutNo: '9f8e7d6c5b4a3921w1',
    amount: 500,
    receiver: 'openid-1',
    receiverName: null,
    remark: null,
    notifyUrl: null,
    request: '{}',
    receiverHasMs: null,
    ...changes,
  };
}

const waiting = (): Payout => desk.open(details({ receiverHasMs: DAY_MS }));
const current = (): Payout | null => desk.find('wechat', details().outPayoutNo);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'payouts-test-'));
  store = await openStore(folder);
  told = [];
  desk = newDesk(store);
});

afterEach(async () => {
  vi.useRealTimers();
  desk.stop();
  await store.close();
  await rm(folder, { recursive: true });
});

describe('a payout', () => {
  it('succeeds by itself within 2 s when nobody settles it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    desk.open(details());
    expect(current()).toMatchObject({ status: 'processing', becomes: { status: 'paid' } });
    vi.advanceTimersByTime(2_000);
    expect(current()).toMatchObject({ status: 'paid', becomes: null, paidAt: NOW, settledAt: NOW });
    expect(told).toHaveLength(1);
  });

  it('waits a day of provider time for its receiver, and fails when nobody takes it', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    desk = newDesk(store, 1_000);
    waiting();
    vi.advanceTimersByTime(86_300);
    expect(current()).toMatchObject({ status: 'awaiting_receiver' });
    vi.advanceTimersByTime(200);
    expect(current()).toMatchObject({ status: 'failed', reason: 'overdue', paidAt: null, settledAt: NOW });
  });

  it('that is taken by its receiver is paid within 2 s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    await desk.settle(waiting(), 'confirm');
    expect(current()).toMatchObject({ status: 'processing', becomes: { status: 'paid' }, settledAt: null });
    vi.advanceTimersByTime(2_000);
    expect(current()).toMatchObject({ status: 'paid' });
  });

  it('that its merchant takes back is cancelled within 2 s, also when asked twice', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const first = desk.cancel(waiting());
    expect(first).toMatchObject({ status: 'processing', becomes: { status: 'cancelled' } });
    expect(desk.cancel(first)).toEqual(first);
    vi.advanceTimersByTime(2_000);
    expect(current()).toMatchObject({ status: 'cancelled', reason: 'merchant_cancelled' });
    expect(told).toHaveLength(1);
  });

  it('that its receiver cannot take is accepted, and ends so within 2 s', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    desk.open(details({ ends: { status: 'failed', reason: 'name_mismatch' } }));
    expect(current()).toMatchObject({ status: 'processing' });
    vi.advanceTimersByTime(2_000);
    expect(current()).toMatchObject({ status: 'failed', reason: 'name_mismatch', paidAt: null });
  });

  it('goes on after a restart', async () => {
    desk.open(details());
    desk.stop();
    await store.close();
    store = await openStore(folder);
    desk = newDesk(store);
    desk.resume();
    await vi.waitFor(() => expect(current()).toMatchObject({ status: 'paid' }), { timeout: 3_000 });
  });

  const START = {
    processing: async () => desk.open(details()),
    awaiting_receiver: async () => waiting(),
    paid: async () => desk.settle(desk.open(details()), 'success'),
    failed: async () => desk.settle(desk.open(details()), 'fail'),
    bounced: async () => desk.settle(await desk.settle(desk.open(details()), 'success'), 'bounce'),
    cancelled: async () => desk.settle(waiting(), 'cancel'),
  } as const satisfies Record<Payout['status'], () => Promise<Payout>>;

  const BECOMES: Record<
    Payout['status'],
    Partial<Record<PayoutResult, [Payout['status'], string | null]>>
  > = {
    processing: {
      success: ['paid', null],
      fail: ['failed', 'refused'],
      abnormal: ['failed', 'receiver_abnormal'],
      cancel: ['cancelled', 'merchant_cancelled'],
    },
    awaiting_receiver: {
      success: ['paid', null],
      confirm: ['processing', null],
      fail: ['failed', 'refused'],
      abnormal: ['failed', 'receiver_abnormal'],
      expire: ['failed', 'overdue'],
      cancel: ['cancelled', 'merchant_cancelled'],
    },
    paid: { abnormal: ['bounced', 'returned'], bounce: ['bounced', 'returned'] },
    failed: {},
    bounced: {},
    cancelled: {},
  };

  it.each(
    Object.entries(BECOMES).flatMap(([from, results]) =>
      PAYOUT_RESULTS.map((result) => [from as Payout['status'], result, results[result]] as const),
    ),
  )('that is %s and settled by "%s" becomes %j, or nothing', async (from, result, becomes) => {
    const payout = await START[from]();
    if (becomes === undefined) {
      await expect(desk.settle(payout, result)).rejects.toMatchObject({ code: `payout_${from}` });
      expect(current()).toEqual(payout);
      return;
    }
    const [status, reason] = becomes;
    expect(await desk.settle(payout, result)).toMatchObject({ status, reason });
    expect(current()).toMatchObject({ status, reason });
  });
});
