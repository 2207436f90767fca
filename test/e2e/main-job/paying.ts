import { describe, expect, it } from 'vitest';
import { openPage } from '../browser.js';
import { listen } from '../live.js';
import { PAY_PASSWORD, expectStatus } from '../shop.js';
import { DEADLINE_MS } from '../wait.js';
import { PATIENT_MS, WINDOW_MS, type World, topUp } from './world.js';

const LIFE_OF_A_DEAL = [
  'order.created',
  'payment.opened',
  'payment.received',
  'order.paid',
  'money.released',
  'order.completed',
];

/** A deal without actions stays below this many events, which is what keeps a server's database small. */
const MOST_EVENTS = 20;

export function payingTests(world: () => World): void {
  describe('paying a deal', () => {
    it.each(['alipay', 'wechat'] as const)(
      'at the cashier of %s, watched live: held, and the seller’s after the window',
      async (channel) => {
        const { stack, shop, browser, workflows, buyer, seller } = world();
        const before = await shop.walletOf(seller);
        const order = await shop.newOrder({ buyer, seller, amount: 1_200, chatId: `room-${channel}` });
        const live = await listen(stack, order, buyer);
        const { cashierUrl } = await shop.tradeOf(await shop.openAttempt(order, channel));
        const { page, outsideRequests, close } = await openPage(browser);
        await page.goto(cashierUrl);
        await page.getByRole('button', { name: 'Pay ¥12.00' }).click();
        await page
          .getByRole('status')
          .filter({ hasText: /^Paid$/ })
          .waitFor({ timeout: DEADLINE_MS });
        await live.until('order.paid');

        expect(await shop.orderOf(order.id)).toMatchObject({ status: 'paid', chatOpen: true, channel });
        expect(await shop.walletOf(seller)).toEqual({ ...before, held: before.held + 1_200 });

        await live.until('order.completed');
        const done = await shop.orderOf(order.id);
        expect(done).toMatchObject({ status: 'completed', chatOpen: false, releasedBy: 'auto-confirm' });
        const heldMs = Date.parse(done.releasedAt ?? '') - Date.parse(done.paidAt ?? '');
        expect(heldMs).toBeGreaterThanOrEqual(WINDOW_MS);
        const withdrawable = before.withdrawable + 1_200;
        expect(await shop.walletOf(seller)).toEqual({ ...before, withdrawable });
        const timeline = await shop.timelineOf(order);
        expect(timeline.map((event) => event.type)).toEqual(LIFE_OF_A_DEAL);
        expect(live.types()).toEqual(LIFE_OF_A_DEAL);
        expect(await workflows.eventsOfEnded(order)).toBeLessThanOrEqual(MOST_EVENTS);
        expect(outsideRequests()).toEqual([]);
        live.close();
        await close();
      },
      PATIENT_MS,
    );

    it('from the wallet: only with the right password, only with enough money, and once', async () => {
      const { shop, seller } = world();
      const payer = await shop.addPerson();
      await topUp(world(), payer, 5_000);
      const wish = { buyer: payer, seller, amount: 3_000, autoConfirmAfter: '24h' };
      const [order, another] = await Promise.all([shop.newOrder(wish), shop.newOrder(wish)]);

      const wrong = await shop.payFromWallet(order, 'not-the-password', payer.token);
      expect(expectStatus(wrong, 403).code).toBe('wrong_password');
      expect(await shop.walletOf(payer)).toMatchObject({ cash: 5_000 });

      const paid = expectStatus(await shop.payFromWallet(order, PAY_PASSWORD, payer.token), 201);
      expect(paid).toMatchObject({ status: 'paid', channel: 'wallet' });
      const repeated = expectStatus(await shop.payFromWallet(order, PAY_PASSWORD, payer.token), 201);
      expect(repeated.paymentId).toBe(paid.paymentId);
      expect(await shop.walletOf(payer)).toMatchObject({ cash: 2_000 });
      expect(await shop.orderOf(order.id)).toMatchObject({ status: 'paid', channel: 'wallet' });

      const poor = await shop.payFromWallet(another, PAY_PASSWORD, payer.token);
      expect(expectStatus(poor, 402).code).toBe('insufficient_funds');
      expect(await shop.orderOf(another.id)).toMatchObject({ status: 'unpaid' });
    });
  });
}
