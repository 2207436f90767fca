/** The receiver's day at WeChat Pay. It has a server to itself: work beside it keeps the clock from being skipped. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveLedger } from '../../ledger/balances.js';
import { type Flow, startFlow } from '../support/flow.js';
import {
  EARNED,
  WITHDRAWN,
  approvedAt,
  awaited,
  endedWithdrawal,
  payoutsOf,
  withdrawalNow,
} from '../support/withdrawal-flow.js';
import { bucketsOf, itemsAbout } from '../support/withdrawals.js';
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

const back = { withdrawable: EARNED, frozen: 0, debt: 0 };
const waiting = { withdrawable: EARNED - WITHDRAWN, frozen: WITHDRAWN, debt: 0 };

describe('a withdrawal by WeChat Pay', () => {
  it('M9 waits 24 h for its receiver, not a minute less, then is called back and asked about to its end', async () => {
    const row = await approvedAt(flow, 'wechat');
    await awaited(flow, row);
    const { receiverUntil } = await withdrawalNow(flow, row);
    await flow.environment.sleep((receiverUntil?.getTime() ?? 0) - (await flow.readClock()) - 60_000);
    expect(await payoutsOf(flow, row)).toMatchObject([{ status: 'awaiting_receiver' }]);
    expect(await bucketsOf(flow.context.db, row.userId)).toEqual(waiting);
    await flow.environment.sleep(60_000);
    await until(async () => (await payoutsOf(flow, row))[0]?.status === 'cancelled');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'failed', packageInfo: null });
    expect(await bucketsOf(flow.context.db, row.userId)).toEqual(back);
    expect(await itemsAbout(flow.context.db, row)).toHaveLength(1);
  }, 60_000);
});
