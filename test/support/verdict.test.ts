/** A checker that cannot fail is worth nothing: every check of the verdict sees the fault that is planted for it. */
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, freshDatabase, sqlAs } from './database.js';
import { SQL_CHECKS, describeViolations, moneyViolations } from './verdict.js';
import { runChecks, violationsIn } from './verdict-run.js';
import { type World, saneWorld } from './verdict-world.js';
import { BUYER, SELLER } from './world.js';

let database: TestDatabase;
let world: World;
let superuser: postgres.Sql;

beforeAll(async () => {
  database = await freshDatabase();
  world = await saneWorld(database.db);
  superuser = postgres(database.superuserUrl, { max: 1, onnotice: () => undefined });
});
afterAll(async () => {
  await superuser?.end();
  await database?.close();
});

/** A posting that the ledger would never have written. @param legs accounts and amounts, as SQL values */
const posted = (key: string, kind: string, legs: string): string => `
  WITH p AS (INSERT INTO postings (key, kind, fingerprint) VALUES ('${key}', '${kind}', 'planted') RETURNING id)
  INSERT INTO entries (posting_id, account, amount, currency)
    SELECT p.id, account, amount, 'CNY' FROM p, (VALUES ${legs}) AS leg (account, amount)`;

type Plants = Readonly<Record<string, (w: World) => string | readonly string[]>>;

/** By the check's name: statements, each of which is a fault of its own. */
const OF_THE_LEDGER: Plants = {
  'a posting sums to 0': () => `UPDATE entries SET amount = amount + 1 WHERE account = 'platform:fees'`,
  'a currency sums to 0': () => `UPDATE entries SET currency = 'EUR' WHERE account = 'platform:fees'`,
  'an entry belongs to a posting': () => `UPDATE entries SET posting_id = -1 WHERE account = 'platform:fees'`,
  'amounts are integers': () => `ALTER TABLE balances ALTER balance TYPE numeric`,
  'only the owner may write entries': () => [
    `GRANT UPDATE ON entries TO holdfast_app`,
    `GRANT INSERT ON postings TO PUBLIC`,
  ],
  'a trigger refuses changes of entries': () => [
    `ALTER TABLE entries DISABLE TRIGGER entries_append_only`,
    `DROP TRIGGER postings_append_only ON postings`,
  ],
  'a balance is the sum of its entries': () => [
    `UPDATE balances SET balance = balance + 1 WHERE account = 'user:${SELLER}:withdrawable'`,
    `DELETE FROM balances WHERE account = 'user:${SELLER}:withdrawable'`,
    `INSERT INTO balances VALUES ('user:nobody:cash', 1)`,
  ],
  'no account was ever negative': () =>
    posted(
      'x',
      'charge',
      `('user:x:cash', -5), ('platform:sales', 5), ('user:x:cash', 5), ('platform:sales', -5)`,
    ),
  'an account has a known name': () =>
    `UPDATE entries SET account = 'user:${BUYER}:gifts' WHERE account = 'user:${BUYER}:cash'`,
  'nobody owes us more than came in': () => [
    posted('x', 'charge', `('channel:wechat', 5), ('platform:sales', -5)`),
    posted('x', 'charge', `('platform:suspense', -90000), ('platform:sales', 90000)`),
  ],
  'what came in is somewhere': ({ topUp }) => [
    `UPDATE orders SET captured = captured + 1 WHERE order_no = '${topUp}'`,
    posted('x', 'charge', `('channel:alipay', -5), ('platform:sales', 5)`),
  ],
  'suspense is what its items are about': () =>
    posted('x', 'charge', `('platform:suspense', 3), ('platform:sales', -3)`),
  'money in suspense has an operator item': () => [
    `UPDATE operator_items SET status = 'resolved' WHERE kind = 'suspense'`,
    `UPDATE operator_items SET status = 'resolved' WHERE kind = 'failed_refund'`,
    `DELETE FROM operator_items WHERE kind = 'suspense'`,
  ],
};

const OF_ORDERS: Plants = {
  'a payment goes where the kind of order says': ({ topUp, walletPaid }) => [
    `UPDATE entries SET account = 'user:${SELLER}:cash' WHERE account = 'user:${BUYER}:cash' AND posting_id =
      (SELECT id FROM postings WHERE key = 'order/${topUp}:payment')`,
    `UPDATE entries SET account = 'user:${SELLER}:cash' WHERE amount < 0 AND posting_id =
      (SELECT id FROM postings WHERE key = 'order/${walletPaid}:payment')`,
    `UPDATE orders SET amount = amount + 1 WHERE order_no = '${topUp}'`,
  ],
  'a hold is what was captured and has not left': ({ held }) =>
    `UPDATE orders SET money = 'released', released_by = 'x', released_at = now() WHERE order_no = '${held}'`,
  'the seller and the platform get what was released': ({ released }) => [
    `UPDATE orders SET fee_bps = 334 WHERE order_no = '${released}'`,
    `UPDATE entries SET account = 'user:x:withdrawable' WHERE amount > 0 AND account LIKE 'user:%' AND posting_id =
      (SELECT id FROM postings WHERE key = 'order/${released}:release')`,
  ],
  'a hold belongs to an order': ({ held }) =>
    `UPDATE entries SET account = 'hold:ghost' WHERE account = 'hold:${held}'`,
  'an order is paid by one payment': ({ released, closed, held }) => [
    `UPDATE payments SET status = 'closed' WHERE order_no = '${released}'`,
    `UPDATE payments SET status = 'paid' WHERE order_no = '${closed}'`,
    `DELETE FROM postings WHERE key = 'order/${held}:payment'`,
    `UPDATE orders SET payment_id = 'another' WHERE order_no = '${held}'`,
  ],
  'a trade pays one order': ({ released, held }) => [
    `UPDATE payments SET provider_trade_no = 'one' WHERE order_no IN ('${released}', '${held}')`,
    posted(`suspense/alipay/trade-${held}`, 'suspense', `('channel:alipay', -1), ('platform:suspense', 1)`),
  ],
  'a second payment is not taken for the first': ({ released }) =>
    `UPDATE inbox SET provider_trade_no = 'another' WHERE out_trade_no = '${released}'`,
  'a payment that fits no order is on its way back or with a person': () => [
    `DELETE FROM refunds WHERE source = 'suspense'`,
    `DELETE FROM operator_items WHERE kind = 'suspense'`,
  ],
  'a status moves by legal steps': ({ closed, held }) => [
    `INSERT INTO order_events (order_no, type, actor, data)
      VALUES ('${closed}', 'order.paid', 'x', '{"from": "closed", "to": "paid"}')`,
    `DELETE FROM order_events WHERE order_no = '${held}' AND type = 'order.paid'`,
  ],
  'a status is where its steps led': ({ held }) =>
    `DELETE FROM order_events WHERE order_no = '${held}' AND type LIKE 'order.%'`,
  'a closed order holds no money': ({ closed, misfit }) => [
    `DELETE FROM postings WHERE key = 'order/${closed}:close'`,
    `UPDATE orders SET captured = 5 WHERE order_no = '${closed}'`,
    `UPDATE orders SET refund_open = true WHERE order_no = '${misfit}'`,
  ],
  'held money is released once, or went back whole': ({ released, held }) => [
    `DELETE FROM postings WHERE key = 'order/${released}:release'`,
    `UPDATE orders SET released_by = 'refund' WHERE order_no = '${released}'`,
    `UPDATE postings SET order_no = '${held}' WHERE key = 'order/${released}:release'`,
  ],
  'nothing is released by itself before it is due': ({ autoConfirmed, rejected }) => [
    `UPDATE orders SET auto_confirm_after_ms = 60000 WHERE order_no = '${autoConfirmed}'`,
    `UPDATE refunds SET created_at = created_at - interval '1 s' WHERE id = '${rejected}'`,
  ],
  'nothing is released while a refund is open': ({ rejected }) =>
    `DELETE FROM postings WHERE key = 'refund/${rejected}:reject'`,
  'what happens once is told once': ({ released }) =>
    `INSERT INTO order_events (order_no, type, actor) VALUES ('${released}', 'money.released', 'x')`,
};

const OF_REFUNDS_AND_WORK: Plants = {
  'a refund moves its amount once': ({ refund, rejected, underWay }) => [
    `UPDATE refunds SET amount = amount + 1 WHERE id = '${refund}'`,
    `UPDATE refunds SET status = 'succeeded' WHERE id = '${underWay}'`,
    `UPDATE refunds SET status = 'succeeded' WHERE id = '${rejected}'`,
  ],
  'a refund is on its way for somebody': ({ underWay }) => `DELETE FROM refunds WHERE id = '${underWay}'`,
  'refunds never exceed what was captured': ({ underWay, refund }) => [
    `UPDATE refunds SET amount = 20000 WHERE id = '${underWay}'`,
    `UPDATE refunds SET status = 'failed' WHERE id = '${refund}'`,
  ],
  'one refund of an order is open at a time': ({ rejected, held }) => [
    `UPDATE refunds SET status = 'requested' WHERE id = '${rejected}'`,
    `UPDATE orders SET refund_open = false WHERE order_no = '${held}'`,
  ],
  'a provider’s refund is booked once': () =>
    `UPDATE refunds SET channel = 'wechat', provider_refund_no = 'same' WHERE channel = 'alipay'`,
  'money goes back the way it came': ({ refund, walletPaid }) => [
    `UPDATE refunds SET channel = 'wechat' WHERE id = '${refund}'`,
    `UPDATE entries SET account = 'user:${BUYER}:withdrawable' WHERE amount > 0 AND posting_id =
      (SELECT id FROM postings WHERE order_no = '${walletPaid}' AND kind = 'refund_settled')`,
  ],
  'stuck_orders is empty': ({ misfit }) =>
    `UPDATE orders SET expires_at = now() - interval '1 hour' WHERE order_no = '${misfit}'`,
  'an order that is not final has a start': ({ misfit }) => `DELETE FROM outbox WHERE order_no = '${misfit}'`,
  'held money has a time for its release': ({ held }) =>
    `UPDATE orders SET release_due_at = NULL WHERE order_no = '${held}'`,
  'a parked step and its operator item go together': () => [
    `UPDATE operator_items SET status = 'resolved' WHERE kind = 'parked_step'`,
    `UPDATE action_steps SET status = 'running' WHERE status = 'parked'`,
  ],
  'a chain says what its steps say': ({ topUp, held }) => [
    `UPDATE orders SET chain = 'done' WHERE order_no = '${topUp}'`,
    `UPDATE orders SET chain = 'running' WHERE order_no = '${held}'`,
  ],
  'a refund under way is watched': ({ underWay }) =>
    `UPDATE refunds SET start_due_at = NULL WHERE id = '${underWay}'`,
  'an open attempt is asked about': ({ misfit }) =>
    `UPDATE payments SET ask_at = NULL WHERE order_no = '${misfit}'`,
  'a charging step charges once': () => [
    `DELETE FROM postings WHERE kind = 'charge'`,
    `UPDATE action_steps SET status = 'succeeded' WHERE path = '0.0.0'`,
    `UPDATE catalog_items SET status = 'pending', paid_by_order_id = NULL WHERE id = '71'`,
  ],
  'a charge is what its thing costs': () => [
    `UPDATE catalog_items SET body = jsonb_set(body, '{amount}', '41') WHERE id = '71'`,
    `DELETE FROM action_steps WHERE path = '0'`,
  ],
  'a term of a membership is paid for once': () => [
    posted('membership/x:1', 'renewal', `('platform:suspense', -5), ('platform:sales', 5)`),
    `INSERT INTO membership_renewals (id, user_id, level_id, price_id, amount, days, order_id, order_no, step, renewals, due_at)
       VALUES ('x', '${BUYER}', 'gold', '1', 5, 30, 'x', 'x', '0', 1, now())`,
  ],
  'a message is sent once': () => `DELETE FROM sms_outbox`,
  'a step waits for the one before it': () =>
    `UPDATE action_steps SET status = 'running' WHERE path = '0.0.0.0'`,
};

const OF_WITHDRAWALS: Plants = {
  'a withdrawal moves its amount once': ({ out }) => [
    `UPDATE withdrawals SET amount = amount + 1 WHERE id = '${out.asked}'`,
    `UPDATE withdrawals SET status = 'paid' WHERE id = '${out.goingOut}'`,
    `UPDATE withdrawals SET status = 'failed' WHERE id = '${out.goingOut}'`,
    `UPDATE withdrawals SET status = 'bounced' WHERE id = '${out.paid}'`,
    `UPDATE withdrawals SET channel = 'wechat' WHERE id = '${out.paid}'`,
    `DELETE FROM postings WHERE key = 'withdrawal/${out.refused}:return'`,
  ],
  'a posting of a withdrawal has its withdrawal': ({ out }) =>
    `DELETE FROM withdrawals WHERE id = '${out.paid}'`,
  'frozen is what is on its way out': ({ out }) => [
    `UPDATE withdrawals SET status = 'requested' WHERE id = '${out.failed}'`,
    `UPDATE withdrawals SET status = 'paid' WHERE id = '${out.awaited}'`,
    `UPDATE withdrawals SET user_id = '${BUYER}' WHERE id = '${out.asked}'`,
  ],
  'what becomes of a withdrawal is told once': ({ out }) => [
    `DELETE FROM account_events WHERE ref = '${out.paid}' AND type = 'withdrawal.paid'`,
    `DELETE FROM account_events WHERE ref = '${out.asked}'`,
    `INSERT INTO account_events (type, ref, user_id) VALUES ('withdrawal.paid', '${out.goingOut}', 'x')`,
  ],
  'money comes back by a definite word alone': ({ out }) => [
    `UPDATE withdrawals SET error = NULL WHERE id = '${out.failed}'`,
    `UPDATE withdrawals SET error = '{"code": "channel_unknown_outcome"}' WHERE id = '${out.bounced}'`,
    `UPDATE withdrawals SET decided_by = NULL WHERE id = '${out.refused}'`,
  ],
  'enough others approved what went out': ({ out }) => [
    `UPDATE withdrawals SET approved_by = '{user:op0}' WHERE id = '${out.paid}'`,
    `UPDATE withdrawals SET approved_by = '{user:op0,user:op0}' WHERE id = '${out.paid}'`,
    `UPDATE withdrawals SET approved_by = ARRAY['user:' || user_id] WHERE id = '${out.goingOut}'`,
  ],
  'stuck_withdrawals is empty': ({ out }) => [
    `UPDATE withdrawals SET start_due_at = NULL WHERE id = '${out.goingOut}'`,
    `UPDATE withdrawals SET asked_at = now() - interval '1 hour' WHERE id = '${out.awaited}'`,
    `UPDATE withdrawals SET start_due_at = now() - interval '1 hour' WHERE id = '${out.paid}'`,
  ],
  'a payout that came to nothing has an operator item': ({ out }) => [
    `DELETE FROM operator_items WHERE ref = '${out.failed}'`,
    `DELETE FROM operator_items WHERE ref = '${out.bounced}'`,
  ],
};

const PLANTS: Plants = { ...OF_THE_LEDGER, ...OF_ORDERS, ...OF_REFUNDS_AND_WORK, ...OF_WITHDRAWALS };
const CASES = SQL_CHECKS.map((check) => ({ ...check, check }));

class RolledBack extends Error {}

/** What is found after a statement, which is then as if it had never been. */
async function foundAfter(statement: string, checks: typeof SQL_CHECKS) {
  let found: Awaited<ReturnType<typeof violationsIn>> = [];
  const planted = superuser.begin(async (tx) => {
    // Neither triggers nor foreign keys hold a fault off, and checks of a table are taken away.
    await tx`SET LOCAL session_replication_role = replica`;
    await tx`ALTER TABLE orders DROP CONSTRAINT orders_refunded_within_captured`;
    const { count } = await tx.unsafe(statement);
    if (count === 0) throw new Error(`the plant changed nothing: ${statement}`);
    found = await violationsIn(tx, checks);
    throw new RolledBack();
  });
  await expect(planted).rejects.toThrow(RolledBack);
  return found;
}

describe('the verdict in SQL', () => {
  it('finds nothing among orders in many states that the product made', async () => {
    const found = await sqlAs(database.appUrl, (sql) => runChecks(sql, SQL_CHECKS));
    expect(describeViolations(found)).toBe('');
  });

  it.each(CASES)('$promise: sees that it is not so: $name', async ({ name, promise, check }) => {
    const statements = [PLANTS[name]?.(world) ?? []].flat();
    expect(statements, 'every check has a fault that it must see').not.toEqual([]);
    for (const statement of statements) {
      const found = await foundAfter(statement, [check]);
      expect(found, statement).not.toEqual([]);
      expect(found.every((violation) => violation.promise === promise && violation.about !== 'unknown')).toBe(
        true,
      );
    }
  });

  it('names the order, whoever asks', async () => {
    await sqlAs(database.superuserUrl, async (sql) => {
      await sql.begin(async (tx) => {
        await tx`SET LOCAL session_replication_role = replica`;
        await tx`UPDATE orders SET release_due_at = NULL WHERE order_no = ${world.held}`;
      });
    });
    expect(await sqlAs(database.appUrl, moneyViolations)).toEqual([
      { promise: 'T6', about: world.held, what: 'is held and never released' },
    ]);
  });
});
