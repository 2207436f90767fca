/** Withdrawals on their way through the sandbox's providers: how they end, and what a provider's silence does. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../../db/client.js';
import { type WithdrawalRow, askOnceMore } from '../../db/withdrawals.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Flow, startFlow } from '../support/flow.js';
import { HOUR_MS } from '../support/journeys.js';
import {
  ACCOUNTS,
  EARNED,
  WITHDRAWN,
  accepted,
  approvedAt,
  awaited,
  deliver,
  endedWithdrawal,
  payoutsOf,
  settlePayout,
  withdrawalHandle,
  withdrawalNow,
  withdrawalWhen,
} from '../support/withdrawal-flow.js';
import { bucketsOf, itemsAbout, toldOf } from '../support/withdrawals.js';
import { until } from '../support/world.js';

let flow: Flow;
let db: Db;
beforeAll(async () => {
  // Nothing here waits for long, and providers' clocks would follow skipped time.
  flow = await startFlow({ realServer: true });
  db = flow.context.db;
  // Nobody listens there.
  const url = `${flow.context.publicUrl}/webhooks/pingpp`;
  await flow.providers.control('PUT', '/webhooks', { channel: 'pingpp', url });
});
afterEach(() => flow.providers.control('DELETE', '/faults'));
afterAll(async () => {
  const proof = await proveLedger(db);
  await flow.close();
  expect(proof).toMatchObject({ balanced: true });
});

const back = { withdrawable: EARNED, frozen: 0, debt: 0 };
const gone = { withdrawable: EARNED - WITHDRAWN, frozen: 0, debt: 0 };
const waiting = { withdrawable: EARNED - WITHDRAWN, frozen: WITHDRAWN, debt: 0 };

describe('a withdrawal by Alipay', () => {
  it('M3 is paid once, under its own number', async () => {
    const row = await approvedAt(flow, 'alipay');
    await accepted(flow, row);
    expect(await bucketsOf(db, row.userId)).toEqual(waiting);
    await settlePayout(flow, row, 'success');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid', startDueAt: null });
    expect((await withdrawalNow(flow, row)).providerPayoutNo).not.toBeNull();
    expect(await payoutsOf(flow, row)).toMatchObject([{ amount: WITHDRAWN, status: 'paid' }]);
    expect(await bucketsOf(db, row.userId)).toEqual(gone);
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'paid']);
  });

  it('T5 T6 goes on in another run when somebody has terminated its workflow', async () => {
    const row = await approvedAt(flow, 'alipay');
    await accepted(flow, row);
    await withdrawalHandle(flow, row).terminate('by hand');
    await deliver(flow, row);
    await settlePayout(flow, row, 'success');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid' });
    expect(await payoutsOf(flow, row)).toHaveLength(1);
    // What came to its end is not run again.
    await deliver(flow, row);
    expect(await bucketsOf(db, row.userId)).toEqual(gone);
  });
});

/** At these nobody has to take it. */
const DIRECT = ['alipay', 'pingpp', 'stripe'] as const;

const isBack = async (row: WithdrawalRow): Promise<void> => {
  expect(await bucketsOf(db, row.userId)).toEqual(back);
  expect(await itemsAbout(db, row)).toMatchObject([{ kind: 'failed_payout', status: 'open' }]);
};

describe.each(DIRECT)('a withdrawal by %s', (channel) => {
  const fault = (what: object) => flow.providers.control('POST', '/faults', { channel, ...what });

  it('M9 that is refused for good is back, visibly', async () => {
    const row = await approvedAt(flow, channel, 'nobody@example.com');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'failed', providerPayoutNo: null });
    expect(await payoutsOf(flow, row)).toEqual([]);
    await isBack(row);
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'failed']);
  });

  it('M9 T1 is frozen while nobody knows, asked about, and paid once', async () => {
    await fault({ requestTimeout: true, operation: 'payout' });
    const row = await approvedAt(flow, channel);
    // The provider has it, has not said so, and does not say so when it is asked.
    await until(async () => (await payoutsOf(flow, row)).length > 0);
    await fault({ errorRate: 1, operation: 'payoutQuery' });
    await withdrawalWhen(flow, row, ({ error }) => error !== null);
    expect(await withdrawalNow(flow, row)).toMatchObject({
      status: 'submitted',
      error: { code: 'channel_unknown_outcome' },
    });
    expect(await bucketsOf(db, row.userId)).toEqual(waiting);
    await flow.providers.control('DELETE', '/faults');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid', error: null });
    expect(await payoutsOf(flow, row)).toMatchObject([{ amount: WITHDRAWN, status: 'paid' }]);
    expect(await bucketsOf(db, row.userId)).toEqual(gone);
  }, 60_000);

  it('M4 that comes back days later is back, without a workflow', async () => {
    const row = await approvedAt(flow, channel);
    await until(async () => (await payoutsOf(flow, row))[0]?.status === 'paid');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid' });
    await settlePayout(flow, row, 'bounce');
    // As the handler of the notification does.
    await askOnceMore(db, row.id);
    await deliver(flow, row);
    expect(await withdrawalNow(flow, row)).toMatchObject({ status: 'bounced' });
    await isBack(row);
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'paid', 'bounced']);
  });
});

// At Stripe a transfer that was taken is there at once: it comes back, or it is not taken.
describe.each(['alipay', 'pingpp'] as const)('a withdrawal by %s that was taken', (channel) => {
  it('M9 and fails for certain is back, visibly', async () => {
    const row = await approvedAt(flow, channel);
    await accepted(flow, row);
    await settlePayout(flow, row, 'fail');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'failed' });
    await isBack(row);
  });
});

describe('a withdrawal by WeChat Pay', () => {
  it('shows the package, and is paid when its receiver takes it', async () => {
    const row = await approvedAt(flow, 'wechat');
    await awaited(flow, row);
    const { packageInfo, receiverUntil, submittedAt } = await withdrawalNow(flow, row);
    expect(packageInfo).not.toBeNull();
    expect((receiverUntil?.getTime() ?? 0) - (submittedAt?.getTime() ?? 0)).toBeGreaterThanOrEqual(
      24 * HOUR_MS,
    );
    await settlePayout(flow, row, 'success');
    expect(await endedWithdrawal(flow, row)).toMatchObject({ status: 'paid' });
    expect(await bucketsOf(db, row.userId)).toEqual(gone);
  });

  it('S4 leaves neither the account nor its name in the history', async () => {
    const row = await approvedAt(flow, 'wechat');
    await awaited(flow, row);
    const { packageInfo } = await withdrawalNow(flow, row);
    await settlePayout(flow, row, 'fail');
    await endedWithdrawal(flow, row);
    const history = JSON.stringify(await withdrawalHandle(flow, row).fetchHistory());
    // Payloads stand in it as base64.
    const payloads = [...history.matchAll(/"data":"([^"]*)"/g)].map(([, data = '']) =>
      Buffer.from(data, 'base64').toString(),
    );
    const text = [history, ...payloads].join('\n');
    expect(text).toContain(row.id);
    for (const secret of [ACCOUNTS.wechat.no, ACCOUNTS.wechat.name, String(packageInfo)]) {
      expect(text).not.toContain(secret);
    }
  });
});
