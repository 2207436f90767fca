/** Withdrawals as commands: against everything else that spends the same money, and by whoever repeats them. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { withdrawals } from '../db/schema.js';
import { fen } from '../domain/money.js';
import { proveLedger } from '../ledger/balances.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { PAY_PASSWORD, setPayPassword } from '../test/support/journeys.js';
import { bucketsOf, earner, payoutDesk } from '../test/support/withdrawals.js';
import { insertOrder, offlineContext } from '../test/support/world.js';
import { putSetting } from './catalog.js';
import type { CommandContext } from './context.js';
import { payFromWallet } from './pay-from-wallet.js';
import { type WithdrawalInput, decideWithdrawal, requestWithdrawal } from './withdrawals.js';

let database: TestDatabase;
let db: Db;
let context: CommandContext;
/** Withdrawals whose workflow was started at once. */
const started: string[] = [];

beforeAll(async () => {
  database = await freshDatabase(16);
  db = database.db;
  const offline = offlineContext(db);
  context = {
    ...offline,
    channels: payoutDesk().channels,
    inline: { ...offline.inline, withdrawal: (id) => void started.push(id) },
  };
});
afterAll(async () => {
  const proof = await proveLedger(db);
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

const account = { channel: 'alipay' as const, no: 'a@example.com', name: 'A' };

async function person(amount = 1_000): Promise<string> {
  const userId = await earner(db, amount);
  await setPayPassword(db);
  return userId;
}

const ask = (
  userId: string,
  amount: number,
  change: Partial<WithdrawalInput> = {},
  key: string | null = null,
) =>
  requestWithdrawal(
    context,
    { userId, amountFen: fen(amount), payPassword: PAY_PASSWORD, account, ...change },
    { by: `user:${userId}`, idempotencyKey: key },
  );

describe('asking for a withdrawal', () => {
  it('M3 against a payment from the wallet at once, the same money leaves once', async () => {
    for (let round = 0; round < 8; round++) {
      const buyerId = await person();
      const order = await insertOrder(db, { buyerId, amount: 800 });
      const both = [() => ask(buyerId, 800), () => payFromWallet(context, order, PAY_PASSWORD)];
      if (round % 2 === 1) both.reverse();
      const results = await Promise.allSettled<unknown>(both.map((spend) => spend()));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { withdrawable } = await bucketsOf(db, buyerId);
      expect(withdrawable).toBe(200);
    }
  });

  it('M3 with the same key N times at once is one withdrawal; with other wishes it is another', async () => {
    const userId = await person();
    const rows = await Promise.all(Array.from({ length: 8 }, () => ask(userId, 100, {}, 'key')));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1);
    const other = await ask(userId, 101, {}, 'key');
    expect(other.id).not.toBe(rows[0]?.id);
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 799, frozen: 201, debt: 0 });
  });

  it('S3 a wrong pay password moves nothing, whatever else is wrong with the wish', async () => {
    const userId = await person();
    for (const change of [{}, { account: null }, { amountFen: fen(0) }]) {
      expect(await refusalOf(ask(userId, 100, { ...change, payPassword: 'wrong-one' }))).toMatchObject({
        code: 'wrong_password',
      });
    }
    expect(await bucketsOf(db, userId)).toEqual({ withdrawable: 1_000, frozen: 0, debt: 0 });
    expect(await db.select().from(withdrawals).where(eq(withdrawals.userId, userId))).toEqual([]);
  });

  it('freezes nothing that no channel here could pay out', async () => {
    const userId = await person();
    const wechat = { account: { ...account, channel: 'wechat' as const } };
    expect(await refusalOf(ask(userId, 100, wechat))).toMatchObject({ code: 'channel_not_configured' });
    expect((await bucketsOf(db, userId)).frozen).toBe(0);
  });

  it('starts its workflow at once where nobody has to approve, and not before somebody has', async () => {
    const userId = await person();
    const first = await ask(userId, 100);
    expect(started).not.toContain(first.id);
    await putSetting(db, 'limit.withdrawal.autoApprove', 100, 'test');
    const second = await ask(userId, 100);
    expect(started).toContain(second.id);
    await putSetting(db, 'limit.withdrawal.autoApprove', 0, 'test');
    const verdict = { approve: true, reason: 'so be it' };
    await decideWithdrawal(context, first.id, verdict, { by: 'user:operator', idempotencyKey: null });
    expect(started).toContain(first.id);
  });
});
