/** A membership that renews itself, over months of skipped time. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { leaseRenewals } from '../../relay/memberships.js';
import { membershipRenewals } from '../../db/schema.js';
import { MEMBERSHIP_PATHS } from '../replay/membership-paths.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  TERM_DAYS,
  TERM_PRICE,
  deliver,
  renewalHandle,
  renewalNow,
  renewingMember,
} from '../support/membership-flow.js';
import { until } from '../support/world.js';

let flow: Flow;
beforeAll(async () => {
  flow = await startFlow();
});
afterAll(async () => {
  const proof = await proveLedger(flow.context.db);
  await flow.close();
  expect(proof).toMatchObject({ balanced: true });
});

const cashOf = async (userId: string): Promise<number> => (await walletOf(flow.context.db, userId)).cash;

const pathOf = (name: string) => {
  const path = MEMBERSHIP_PATHS.find((one) => one.name === name);
  if (path === undefined) throw new Error(`there is no path ${name}`);
  return path;
};

describe('a membership that renews itself', () => {
  it('T1 is paid for before each end, and lapses after three tries without money', async () => {
    const row = await pathOf('renewed-twice-then-lapsed').run(flow);
    expect(row).toMatchObject({ status: 'lapsed', renewals: 2, failedTries: 3 });
    expect(await cashOf(row.userId)).toBe(0);
    const hours = (row.endedAt?.getTime() ?? 0) - row.createdAt.getTime();
    // The last try is an hour before the end of the third term.
    expect(Math.round(hours / 3_600_000)).toBe(3 * TERM_DAYS * 24 - 1);
  });

  it('ends when its renewal is cancelled, and keeps its payer’s money', async () => {
    const row = await pathOf('cancelled').run(flow);
    expect(row).toMatchObject({ status: 'cancelled', renewals: 0, startDueAt: null });
    expect(await cashOf(row.userId)).toBe(TERM_PRICE);
  });

  it('cannot be stopped from Temporal’s UI: who cancels it does so by a call', async () => {
    const row = await renewingMember(flow, 1);
    await renewalHandle(flow, row).cancel();
    await renewalHandle(flow, row).result();
    expect(await renewalNow(flow, row)).toMatchObject({ status: 'lapsed', renewals: 1 });
  });

  it('is looked after by one relay at a time, and again when it should have been paid for', async () => {
    const { db } = flow.context;
    const row = await renewingMember(flow, 1);
    const { dueAt, startDueAt } = await renewalNow(flow, row);
    expect((startDueAt?.getTime() ?? 0) - dueAt.getTime()).toBe(600_000);
    expect(await leaseRenewals(db, 10)).not.toContain(row.id);
  });
});

it('T5 T6 goes on in another run when somebody has terminated its workflow', async () => {
  const real = await startFlow({ realServer: true });
  try {
    const { db } = real.context;
    const row = await renewingMember(real, 1);
    await renewalHandle(real, row).terminate('by hand');
    await db.update(membershipRenewals).set({ dueAt: new Date() });
    await deliver(real, row);
    await until(async () => (await renewalNow(real, row)).renewals === 1);
    expect((await renewalHandle(real, row).describe()).status.name).toBe('RUNNING');
    expect((await walletOf(db, row.userId)).cash).toBe(0);
  } finally {
    await real.close();
  }
});
