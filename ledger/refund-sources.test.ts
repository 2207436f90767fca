import { describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import { chargePosting } from '../domain/action-postings.js';
import { account, paymentPosting } from '../domain/postings.js';
import { refusalOf } from '../test/support/errors.js';
import { addUsers, giveCash, insertOrder, openAttempt } from '../test/support/world.js';
import { walletOf } from './balances.js';
import { post } from './post.js';
import { type RefundRow, refundById } from '../db/refunds.js';
import {
  db,
  newId,
  type Case,
  paid,
  release,
  ask,
  approve,
  reject,
  fail,
  refunded,
  now,
  balanceOf,
  platform,
} from './test-support.js';

describe('where the money comes from', () => {
  it('released: the seller’s withdrawable, and the platform’s fee in proportion', async () => {
    const given = await paid({ feeBps: 333 });
    await release(given);
    const fees = await platform(account.fees);
    expect((await walletOf(db, given.sellerId)).withdrawable).toBe(9_667);
    for (const amount of [1, 2_999, 7_000]) await refunded(given, amount);
    expect((await walletOf(db, given.sellerId)).withdrawable).toBe(0);
    expect(fees - (await platform(account.fees))).toBe(333);
    expect(await now(given)).toMatchObject({ status: 'refunded', releasedBy: 'test' });
  });

  it('M3 released and spent: the seller’s debt, which the next release settles first', async () => {
    const given = await paid();
    await release(given);
    await post(db, chargePosting(newId(), given.sellerId, fen(8_500), given.order.orderNo));
    await refunded(given, 4_000);
    expect((await walletOf(db, given.sellerId)).withdrawable).toBe(0);
    expect(await balanceOf(account.debt(given.sellerId))).toBe(2_500);
    const next = await insertOrder(db, { ...pick(given), amount: 10_000 });
    const payment = await openAttempt(db, next);
    const at = Date.now();
    await post(
      db,
      paymentPosting(
        { ...next, amountFen: fen(10_000) },
        {
          paymentId: payment.id,
          channel: 'alipay',
          providerTradeNo: `t-${next.orderNo}`,
          inboxId: null,
          paidAtMs: at,
          receivedAtMs: at,
        },
      ),
    );
    await release({ ...given, order: next });
    expect(await balanceOf(account.debt(given.sellerId))).toBe(0);
    expect((await walletOf(db, given.sellerId)).withdrawable).toBe(7_500);
  });

  it('a failure of that settles the debt that the refund had made', async () => {
    const given = await paid();
    await release(given);
    await post(db, chargePosting(newId(), given.sellerId, fen(9_000), given.order.orderNo));
    const refund = await approve(await ask(given));
    expect(await balanceOf(account.debt(given.sellerId))).toBe(9_000);
    await fail(refund);
    expect(await balanceOf(account.debt(given.sellerId))).toBe(0);
    expect((await walletOf(db, given.sellerId)).withdrawable).toBe(1_000);
  });

  it('M3 refunds and releases of one seller at once never deadlock', async () => {
    const seller = newId();
    await addUsers(db, seller);
    const orderAtSeller = () => paid({ sellerId: seller }).then((given) => ({ ...given, sellerId: seller }));
    const first = await orderAtSeller();
    await release(first);
    await post(db, chargePosting(newId(), seller, fen(10_000), first.order.orderNo));
    await refunded(first);
    expect(await balanceOf(account.debt(seller))).toBe(10_000);
    const [back, on] = [[] as RefundRow[], [] as Case[]];
    for (let index = 0; index < 8; index++) {
      const released = await orderAtSeller();
      await release(released);
      back.push(await ask(released));
      on.push(await orderAtSeller());
    }
    // A deadlock would fail one of them.
    await Promise.all([...back.map(approve), ...on.map((given) => release(given))]);
    const left = (await walletOf(db, seller)).withdrawable - (await balanceOf(account.debt(seller)));
    expect(left).toBe(8 * 10_000 - 10_000);
  });

  it('a topup: the payer’s cash, at most what is there', async () => {
    const given = await paid({ kind: 'topup', amount: 1_000 });
    await post(db, chargePosting(newId(), given.buyerId, fen(400), given.order.orderNo));
    const all = await ask(given);
    expect(await refusalOf(approve(all))).toMatchObject({ code: 'already_spent' });
    expect(await refundById(db, all.id)).toMatchObject({ status: 'requested', source: null });
    await reject(all);
    await refunded(given, 600);
    expect((await walletOf(db, given.buyerId)).cash).toBe(0);
    expect((await now(given)).status).toBe('partially_refunded');
  });

  it('a package: the platform’s sales', async () => {
    const given = await paid({ kind: 'package', amount: 1_000 });
    const sales = await platform(account.sales);
    await refunded(given);
    expect(sales - (await platform(account.sales))).toBe(1_000);
    expect((await now(given)).status).toBe('refunded');
  });

  it('a wallet payment goes back to the buckets it came from, withdrawable first', async () => {
    const given = await paid({ amount: 1_000 }, 'wallet', async ({ buyerId }) => {
      await giveCash(db, buyerId, 300);
      await post(db, {
        key: `gift/${newId()}`,
        kind: 'test',
        orderNo: null,
        legs: [
          { account: 'channel:alipay', amount: -900 },
          { account: account.withdrawable(buyerId), amount: 900 },
        ],
      });
    });
    const wallet = async (): Promise<number[]> => {
      const { cash, withdrawable } = await walletOf(db, given.buyerId);
      return [cash, withdrawable];
    };
    expect(await wallet()).toEqual([0, 200]);
    expect((await approve(await ask(given, 600))).status).toBe('succeeded');
    expect(await wallet()).toEqual([0, 800]);
    await approve(await ask(given, 150));
    expect(await wallet()).toEqual([50, 900]);
    await approve(await ask(given));
    expect(await wallet()).toEqual([300, 900]);
    expect((await now(given)).status).toBe('refunded');
  });
});

function pick({ order }: Case) {
  return { buyerId: order.buyerId, sellerId: order.sellerId };
}
