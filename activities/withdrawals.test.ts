/** What is made of a provider's answers about a payout: every one of them, in the order in which they can come. */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Channels, createChannels } from '../channels/index.js';
import type { PayoutState } from '../channels/channel.js';
import type { Db } from '../db/client.js';
import { type WithdrawalRow, withdrawalById } from '../db/withdrawals.js';
import { HoldfastError } from '../domain/errors.js';
import { proveLedger } from '../ledger/balances.js';
import { settleWithdrawal } from '../ledger/withdrawal-ends.js';
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
import { createWithdrawalActivities } from './withdrawals.js';

const PUBLIC_URL = 'https://pay.example.com';
const DAY_MS = 24 * 3_600_000;

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

const approved = async (): Promise<WithdrawalRow> => approve(db, await ask(db, await earner(db), 400));
const now = ({ id }: WithdrawalRow): Promise<WithdrawalRow> => withdrawalById(db, id);

function driver(channels: Channels) {
  const activities = createWithdrawalActivities(db, channels, PUBLIC_URL);
  return ({ id }: WithdrawalRow, nowMs = Date.now()) => activities.drivePayout({ withdrawalId: id, nowMs });
}
const drive = (row: WithdrawalRow, desk: PayoutDesk, nowMs?: number) => driver(desk.channels)(row, nowMs);

const PAID: PayoutState = { state: 'paid', providerPayoutNo: 'p1', paidAt: new Date('2026-11-24T01:02:03Z') };
const FAILED: PayoutState = { state: 'failed', providerStatus: 'FAIL', message: 'no such account' };
const BOUNCED: PayoutState = { state: 'bounced', providerStatus: 'REFUND', message: 'closed account' };
const PROCESSING: PayoutState = { state: 'processing' };
const UNKNOWN: PayoutState = { state: 'unknown', providerStatus: 'NOT_FOUND' };
const AWAITING: PayoutState = { state: 'awaiting_receiver', packageInfo: 'package-1' };
const SILENCE = new HoldfastError('channel_unknown_outcome', { message: 'no answer in time' });
const REFUSAL = new HoldfastError('channel_refused', { message: 'the account is closed' });

const frozen = async ({ userId }: WithdrawalRow) => (await bucketsOf(db, userId)).frozen;

describe('a payout that is posted', () => {
  it('has the withdrawal’s own number, on every call', async () => {
    const row = await approved();
    const desk = payoutDesk(PROCESSING, UNKNOWN, PAID);
    for (let time = 0; time < 3; time++) await drive(row, desk);
    expect(callsOf(desk)).toEqual(['payout', 'queryPayout', 'queryPayout']);
    for (const { request } of desk.asked) {
      expect(request).toEqual({
        payoutNo: row.id,
        amountFen: 400,
        currency: 'CNY',
        account: { no: `${row.userId}@example.com`, name: `user ${row.userId}` },
        remark: '提现',
        notifyUrl: `${PUBLIC_URL}/webhooks/alipay`,
      });
    }
    expect(row.id).toMatch(/^[0-9A-Za-z]{16,32}$/);
  });

  it('M3 is paid: it leaves through its channel, with the provider’s number and time', async () => {
    const row = await approved();
    expect(await drive(row, payoutDesk(PAID))).toEqual({ status: 'paid', receiverUntilMs: null });
    expect(await now(row)).toMatchObject({
      status: 'paid',
      providerPayoutNo: 'p1',
      paidAt: PAID.paidAt,
      startDueAt: null,
    });
    expect(await bucketsOf(db, row.userId)).toEqual({ withdrawable: 600, frozen: 0, debt: 0 });
  });

  it.each([
    ['in its answer', FAILED, 'the provider says FAIL: no such account'],
    ['by a refusal', REFUSAL, 'the provider says no: the account is closed'],
  ])('M9 failed for certain, %s: the money is back, and a person is told', async (_how, answer, message) => {
    const row = await approved();
    expect(await drive(row, payoutDesk(answer))).toMatchObject({ status: 'failed' });
    expect(await now(row)).toMatchObject({ status: 'failed', error: { code: 'channel_refused', message } });
    expect(await bucketsOf(db, row.userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await itemsAbout(db, row)).toMatchObject([{ kind: 'failed_payout', details: { message } }]);
  });

  it('came back before we heard that it was paid', async () => {
    const row = await approved();
    expect(await drive(row, payoutDesk(PROCESSING))).toMatchObject({ status: 'submitted' });
    expect(await drive(row, payoutDesk(BOUNCED))).toMatchObject({ status: 'bounced' });
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'paid', 'bounced']);
    expect((await bucketsOf(db, row.userId)).withdrawable).toBe(1_000);
  });
});

describe('M9 an unknown answer', () => {
  it.each<[string, (PayoutState | Error)[], string[]]>([
    ['silence to the post', [SILENCE], ['payout']],
    ['an unknown word to the post', [UNKNOWN], ['payout']],
    ['silence to the question', [SILENCE, SILENCE], ['payout', 'queryPayout']],
    // The provider does not show it: the same number again is the same payout.
    ['not known when asked', [SILENCE, UNKNOWN, SILENCE], ['payout', 'queryPayout', 'payout']],
    ['a word that nobody knows', [PROCESSING, UNKNOWN], ['payout', 'queryPayout']],
    ['not known any more', [AWAITING, UNKNOWN, UNKNOWN], ['payout', 'queryPayout', 'queryPayout']],
  ])('%s: the money stays frozen, and is asked about again', async (_what, answers, calls) => {
    const row = await approved();
    const desk = payoutDesk(...answers);
    while (callsOf(desk).length < calls.length) await drive(row, desk);
    expect(callsOf(desk)).toEqual(calls);
    expect(await frozen(row)).toBe(400);
    const { status, error } = await now(row);
    expect(['submitted', 'awaiting_receiver']).toContain(status);
    // What it was is shown.
    expect(error?.code).toBe('channel_unknown_outcome');
    expect(await itemsAbout(db, row)).toEqual([]);
    // And the end is booked when it is known at last.
    expect(await drive(row, payoutDesk(PAID))).toMatchObject({ status: 'paid' });
    expect(await bucketsOf(db, row.userId)).toEqual({ withdrawable: 600, frozen: 0, debt: 0 });
    expect((await now(row)).error).toBeNull();
  });

  it('a refusal of a question is no refusal of the payout', async () => {
    const row = await approved();
    await drive(row, payoutDesk(PROCESSING));
    await expect(drive(row, payoutDesk(REFUSAL))).rejects.toThrow(REFUSAL.message);
    expect(await frozen(row)).toBe(400);
  });

  it('a refusal after a call without an answer is believed once the provider was left alone', async () => {
    const row = await approved();
    const desk = payoutDesk(SILENCE, UNKNOWN, REFUSAL, UNKNOWN, REFUSAL);
    await drive(row, desk);
    // The first call may arrive yet.
    expect(await drive(row, desk)).toMatchObject({ status: 'submitted' });
    expect(await frozen(row)).toBe(400);
    await db.execute(
      sql`UPDATE withdrawals SET asked_at = now() - interval '9 minutes' WHERE id = ${row.id}`,
    );
    expect(await drive(row, desk)).toMatchObject({ status: 'failed' });
    expect(await frozen(row)).toBe(0);
    expect(callsOf(desk)).toEqual(['payout', 'queryPayout', 'payout', 'queryPayout', 'payout']);
  });

  it('what the provider said to have is never posted again', async () => {
    const row = await approved();
    const desk = payoutDesk(PROCESSING, UNKNOWN, UNKNOWN, UNKNOWN);
    for (let time = 0; time < 4; time++) await drive(row, desk);
    expect(callsOf(desk)).toEqual(['payout', 'queryPayout', 'queryPayout', 'queryPayout']);
  });

  it('a channel that has no credentials here keeps it, and says so', async () => {
    const row = await approved();
    expect(await driver(createChannels({}))(row)).toMatchObject({ status: 'approved' });
    expect((await now(row)).error).toMatchObject({ code: 'channel_not_configured' });
    expect(await drive(row, payoutDesk(PAID))).toMatchObject({ status: 'paid' });
  });

  it('a channel without payouts fails what was never submitted, and keeps what was', async () => {
    const { channels } = payoutDesk();
    const alipay = { ...channels.alipay };
    delete alipay.payout;
    const without = { ...channels, alipay: alipay as Channels['alipay'] };
    const fresh = await approved();
    expect(await driver(without)(fresh)).toMatchObject({ status: 'failed' });
    const posted = await approved();
    await drive(posted, payoutDesk(SILENCE));
    expect(await driver(without)(posted)).toMatchObject({ status: 'submitted' });
    expect(await frozen(posted)).toBe(400);
  });
});

describe('a payout that its receiver has to take', () => {
  const MOMENT = 1_800_000_000_000;

  it('shows the package, and is called back after 24 h, not before', async () => {
    const row = await approved();
    const desk = payoutDesk(AWAITING);
    const until = MOMENT + DAY_MS;
    const waiting = { status: 'awaiting_receiver', receiverUntilMs: until };
    expect(await drive(row, desk, MOMENT)).toEqual(waiting);
    expect(await now(row)).toMatchObject({ status: 'awaiting_receiver', packageInfo: 'package-1' });
    expect(await drive(row, desk, until - 1)).toEqual(waiting);
    expect(callsOf(desk)).toEqual(['payout', 'queryPayout']);
    desk.answers = [AWAITING, PROCESSING, FAILED];
    expect(await drive(row, desk, until)).toEqual(waiting);
    expect(callsOf(desk).slice(2)).toEqual(['queryPayout', 'cancelPayout']);
    // To be called back is no failure yet: only the provider's word is.
    expect(await frozen(row)).toBe(400);
    expect(await drive(row, desk, until + 1)).toMatchObject({ status: 'failed' });
    expect(callsOf(desk).slice(4)).toEqual(['queryPayout']);
    expect(await bucketsOf(db, row.userId)).toMatchObject({ withdrawable: 1_000, frozen: 0 });
  });

  it('M9 is paid when its receiver was faster than the calling back', async () => {
    const row = await approved();
    await drive(row, payoutDesk(AWAITING), MOMENT);
    const desk = payoutDesk(AWAITING, PAID);
    expect(await drive(row, desk, MOMENT + DAY_MS)).toMatchObject({ status: 'paid' });
    expect(callsOf(desk)).toEqual(['queryPayout', 'cancelPayout']);
  });

  it('M9 stays frozen when nobody knows what became of the calling back', async () => {
    const row = await approved();
    await drive(row, payoutDesk(AWAITING), MOMENT);
    expect(await drive(row, payoutDesk(AWAITING, SILENCE), MOMENT + DAY_MS)).toMatchObject({
      status: 'awaiting_receiver',
    });
    expect(await frozen(row)).toBe(400);
  });
});

describe('T1 the activity run twice', () => {
  it('asks nobody about what has ended', async () => {
    const row = await approved();
    await drive(row, payoutDesk(PAID));
    const desk = payoutDesk();
    expect(await drive(row, desk)).toEqual({ status: 'paid', receiverUntilMs: null });
    expect(desk.asked).toEqual([]);
  });

  it('at once counts once', async () => {
    const row = await approved();
    const desk = payoutDesk(PAID);
    const results = await Promise.all(Array.from({ length: 8 }, () => drive(row, desk)));
    expect(results.every(({ status }) => status === 'paid')).toBe(true);
    expect(await toldOf(db, row)).toEqual(['requested', 'approved', 'paid']);
    expect(await bucketsOf(db, row.userId)).toEqual({ withdrawable: 600, frozen: 0, debt: 0 });
  });

  it('M7 an answer that is older than the end changes nothing', async () => {
    const row = await approved();
    await drive(row, payoutDesk(PROCESSING));
    await settleWithdrawal(db, row.id, { providerPayoutNo: 'p1', paidAtMs: 1, nowMs: 1 });
    expect(await drive(row, payoutDesk(FAILED))).toMatchObject({ status: 'paid' });
  });

  it('S4 answers neither the account nor what anybody wrote', async () => {
    const row = await approved();
    for (const answer of [AWAITING, UNKNOWN, FAILED]) {
      expect(Object.keys(await drive(row, payoutDesk(answer))).toSorted()).toEqual([
        'receiverUntilMs',
        'status',
      ]);
    }
  });
});
