/** What the relay does for withdrawals in SQL and at the provider: leases, and what was paid and came back. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PayoutState } from '../channels/channel.js';
import { createChannels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { type WithdrawalRow, askOnceMore, withdrawalById } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { proveLedger } from '../ledger/balances.js';
import { settleWithdrawal, submitWithdrawal } from '../ledger/withdrawal-ends.js';
import { openTemporal } from '../temporal/connect.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import {
  type PayoutDesk,
  approve,
  ask,
  bucketsOf,
  callsOf,
  earner,
  itemsAbout,
  payoutDesk,
  toldOf,
} from '../test/support/withdrawals.js';
import { deliverWithdrawal, leaseWithdrawals } from './withdrawals.js';

let database: TestDatabase;
let db: Db;
const nobody = openTemporal({ address: '127.0.0.1:1', namespace: 'default', payloadKey: undefined });
const temporal = nobody.client;
beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await nobody.close();
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

const now = ({ id }: WithdrawalRow): Promise<WithdrawalRow> => withdrawalById(db, id);
const deliver = ({ id }: WithdrawalRow, { channels }: Pick<PayoutDesk, 'channels'>): Promise<void> =>
  deliverWithdrawal({ db, temporal, channels, publicUrl: 'http://127.0.0.1:9' }, id);

/** One that was paid, and of which nobody has said anything since. */
async function paid(): Promise<WithdrawalRow> {
  const row = await approve(db, await ask(db, await earner(db), 400));
  await submitWithdrawal(db, row.id, Date.now());
  return settleWithdrawal(db, row.id, { providerPayoutNo: 'p1', paidAtMs: Date.now(), nowMs: Date.now() });
}

const BOUNCED: PayoutState = { state: 'bounced', providerStatus: 'REFUND', message: 'closed account' };
const FAILED: PayoutState = { state: 'failed', providerStatus: 'FAIL', message: 'closed account' };
const PAID: PayoutState = { state: 'paid', providerPayoutNo: 'p1', paidAt: new Date() };
const UNKNOWN: PayoutState = { state: 'unknown', providerStatus: 'NOT_FOUND' };
const SILENCE = new HoldfastError('channel_unknown_outcome', { message: 'no answer in time' });

async function leased(): Promise<string[]> {
  return leaseWithdrawals(db, 100);
}

describe('a payout that came back after it was paid', () => {
  it.each([BOUNCED, FAILED])('M4 M7 is booked as bounced once its provider says $state', async (answer) => {
    const row = await paid();
    expect(await leased()).not.toContain(row.id);
    await askOnceMore(db, row.id);
    expect(await leased()).toContain(row.id);
    const desk = payoutDesk(answer);
    await Promise.all([deliver(row, desk), deliver(row, desk)]);
    expect(await now(row)).toMatchObject({ status: 'bounced', startDueAt: null });
    expect(await bucketsOf(db, row.userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'paid', 'bounced']);
    expect(await itemsAbout(db, row)).toHaveLength(1);
    expect(new Set(callsOf(desk))).toEqual(new Set(['queryPayout']));
  });

  it('has not come back when its provider says that it is paid, and is left alone', async () => {
    const row = await paid();
    await askOnceMore(db, row.id);
    await leased();
    await deliver(row, payoutDesk(PAID));
    expect(await now(row)).toMatchObject({ status: 'paid', startDueAt: null });
  });

  it.each([
    ['silent', payoutDesk(SILENCE)],
    ['unknown', payoutDesk(UNKNOWN)],
  ])(
    'M9 T5 T6 is asked about again soon, then ever more seldom, while its provider is %s',
    async (_what, desk) => {
      const row = await paid();
      await askOnceMore(db, row.id);
      const gaps: number[] = [];
      for (let time = 0; time < 9; time += 1) {
        await db.update(withdrawals).set({ startDueAt: new Date() }).where(eq(withdrawals.id, row.id));
        await leased();
        await deliver(row, desk);
        const { status, startDueAt } = await now(row);
        expect(status).toBe('paid');
        gaps.push(Math.round(((startDueAt?.getTime() ?? 0) - Date.now()) / 1_000));
      }
      expect(gaps).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600]);
      expect(await bucketsOf(db, row.userId)).toMatchObject({ withdrawable: 600 });
    },
  );

  it('news that come while its provider is being asked are not lost', async () => {
    const row = await paid();
    await askOnceMore(db, row.id);
    await leased();
    const desk = payoutDesk(PAID);
    const { alipay } = desk.channels;
    const queryPayout = async (): Promise<PayoutState> => {
      await askOnceMore(db, row.id);
      return PAID;
    };
    const channels = { ...createChannels({}), alipay: alipay && { ...alipay, queryPayout } };
    await deliver(row, { channels });
    expect((await now(row)).startDueAt).not.toBeNull();
  });

  it('nobody is asked about one that failed, and a hint about what is under way has a workflow', async () => {
    const row = await approve(db, await ask(db, await earner(db), 400));
    const { startDueAt } = await now(row);
    await askOnceMore(db, row.id);
    expect((await now(row)).startDueAt).toEqual(startDueAt);
    await askOnceMore(db, 'f'.repeat(24));
  });
});

describe('T5 leases', () => {
  it('are of what is due alone, by one relay at a time, and come round again', async () => {
    const row = await approve(db, await ask(db, await earner(db), 400));
    // The inline attempt comes first.
    expect(await leased()).not.toContain(row.id);
    await db.update(withdrawals).set({ startDueAt: new Date() }).where(eq(withdrawals.id, row.id));
    const all = (await Promise.all([leased(), leased(), leased()])).flat();
    expect(all.filter((id) => id === row.id)).toHaveLength(1);
    const { startDueAt, startAttempts } = await now(row);
    expect(startAttempts).toBe(1);
    expect(startDueAt?.getTime()).toBeLessThan(Date.now() + 10_000);
  });

  it('T6 stay when Temporal does not answer', async () => {
    const row = await approve(db, await ask(db, await earner(db), 400));
    await expect(deliver(row, payoutDesk())).rejects.toThrow();
    expect((await now(row)).startDueAt).not.toBeNull();
  });
});
