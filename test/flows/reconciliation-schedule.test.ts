/** The schedule of the daily proof, on the server that people run: the time-skipping one has no schedules. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requestReconciliation } from '../../commands/reconciliations.js';
import { findReconciliation } from '../../db/reconciliations.js';
import { chinaDayOf, dayBeside } from '../../domain/reconciliation.js';
import { ensureSchedules } from '../../temporal/schedules.js';
import { dailyReconciliationId, reconciliationWorkflowId } from '../../workflows/contract.js';
import { type Provider, billOf, billProvider, bookPayments } from '../support/bills.js';
import { type Flow, startFlow } from '../support/flow.js';
import { addUsers, until } from '../support/world.js';

let flow: Flow;
let provider: Provider;
beforeAll(async () => {
  provider = billProvider();
  flow = await startFlow({ channels: provider.channels, realServer: true });
  await addUsers(flow.database.db);
});
afterAll(() => flow.close());
beforeEach(() => provider.bills.clear());

const client = () => flow.environment.client;
const schedule = () => client().schedule.getHandle(dailyReconciliationId('alipay'));
const row = (date: string) => findReconciliation(flow.database.db, `alipay-${date}`);

async function scheduleIds(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of client().schedule.list()) ids.push(scheduleId);
  return ids;
}

describe('T6: the schedule of a channel', () => {
  it('is there once, at 10:30 in China, however many workers start at the same time', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ensureSchedules(client(), ['alipay'])));
    // The list is a moment behind.
    await until(async () => (await scheduleIds()).length > 1);
    await ensureSchedules(client(), ['alipay']);
    expect((await scheduleIds()).sort()).toEqual(['course-totals', 'daily-reconciliation/alipay']);
    const { info, policies } = await schedule().describe();
    const [next, after] = info.nextActionTimes.map((at) => at.toISOString());
    expect([next?.slice(10), after?.slice(10)]).toEqual(['T02:30:00.000Z', 'T02:30:00.000Z']);
    // A day that was missed is made up for, and one that waits keeps no other from being looked at.
    expect(policies).toMatchObject({ overlap: 'ALLOW_ALL', catchupWindow: 30 * 86_400_000 });
  });

  it('stays paused where an operator has paused it', async () => {
    await ensureSchedules(client(), ['alipay']);
    await schedule().pause('looking into it');
    await ensureSchedules(client(), ['alipay']);
    expect((await schedule().describe()).state).toMatchObject({ paused: true, note: 'looking into it' });
    await schedule().unpause();
  });

  it('M4 compares yesterday, as it is in China, with its bill', async () => {
    await ensureSchedules(client(), ['alipay']);
    const date = dayBeside(chinaDayOf(Date.now()), -1);
    const day = { date, count: 3, prefix: 'd' };
    await bookPayments(flow.database.db, day);
    provider.bills.set(date, () => billOf(day));
    await schedule().trigger();
    await until(async () => (await row(date))?.status === 'completed');
    expect(await row(date)).toMatchObject({ run: 1, requestedBy: 'schedule', matched: 3 });
    const handle = client().workflow.getHandle(reconciliationWorkflowId('alipay', date));
    expect(await handle.result()).toBe('completed');
    expect((await handle.describe()).type).toBe('reconciliation');
  });

  it('T5 makes up for days on which nothing ran, each with the bill of its own', async () => {
    await ensureSchedules(client(), ['alipay']);
    const today = chinaDayOf(Date.now());
    const missed = [dayBeside(today, -5), dayBeside(today, -4)];
    for (const date of missed) provider.bills.set(date, () => []);
    const start = new Date(`${dayBeside(today, -4)}T00:00:00Z`);
    const end = new Date(`${dayBeside(today, -2)}T00:00:00Z`);
    await schedule().backfill({ start, end, overlap: 'ALLOW_ALL' });
    await until(async () =>
      (await Promise.all(missed.map(row))).every((found) => found?.status === 'completed'),
    );
  });
});

describe('T5: a reconciliation whose workflow was terminated', () => {
  it('goes on when it is asked for again', async () => {
    const date = dayBeside(chinaDayOf(Date.now()), -9);
    const ask = () => requestReconciliation(flow.context, { channel: 'alipay', date }, 'user:oscar');
    await ask();
    await until(async () => (await row(date))?.status === 'waiting');
    const handle = client().workflow.getHandle(reconciliationWorkflowId('alipay', date));
    await handle.terminate('by hand');
    provider.bills.set(date, () => []);
    await ask();
    expect(await handle.result()).toBe('completed');
    expect(await row(date)).toMatchObject({ run: 2, status: 'completed', error: null });
  });
});
