import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Order, expectStatus } from '../shop.js';
import type { World } from './world.js';

interface Refusal {
  code: string;
}

export function decisionTests(world: () => World): void {
  describe('what a buyer decides', () => {
    it('confirming releases at once, and again answers the same', async () => {
      const { stack, shop, buyer } = world();
      const seller = await shop.addPerson();
      const order = await shop.newOrder({ buyer, seller, amount: 800, autoConfirmAfter: '24h' });
      const confirm = (token: string) =>
        stack.api.post<Order & Refusal>(`/v1/orders/${order.id}/confirm`, {}, { token });
      expect(expectStatus(await confirm(buyer.token), 409).code).toBe('order_not_confirmable');
      await shop.pay(order);
      await shop.orderIs(order, 'paid');
      expectStatus(await confirm(seller.token), 403);

      const confirmed = expectStatus(await confirm(buyer.token), 200);
      expect(confirmed).toMatchObject({ status: 'completed', releasedBy: `user:${buyer.id}` });
      expect(await shop.walletOf(seller)).toMatchObject({ held: 0, withdrawable: 800 });
      expect(expectStatus(await confirm(buyer.token), 200)).toEqual(confirmed);
      expect(await shop.walletOf(seller)).toMatchObject({ withdrawable: 800 });
    });

    it.each(['alipay', 'wechat'] as const)(
      'cancelling an unpaid order closes it at %s too, and again answers the same',
      async (channel) => {
        const { stack, shop, buyer, seller } = world();
        const order = await shop.newOrder({ buyer, seller, amount: 800 });
        const payment = await shop.openAttempt(order, channel);
        const cancel = () =>
          stack.api.post<Order>(
            `/v1/orders/${order.id}/cancel`,
            { reason: 'changed my mind' },
            { token: buyer.token },
          );
        const cancelled = expectStatus(await cancel(), 200);
        expect(cancelled).toMatchObject({ status: 'closed', closedReason: 'changed my mind' });
        expect(await shop.tradeOf(payment)).toMatchObject({ status: 'closed' });
        expect((await stack.sandbox.post(`/trades/${payment.outTradeNo}/pay`)).status).toBe(409);
        expect(expectStatus(await cancel(), 200)).toEqual(cancelled);
      },
    );
  });

  describe('who may what', () => {
    it('answers a third person as if the order were not there', async () => {
      const { stack, shop, buyer, seller } = world();
      const order = await shop.newOrder({ buyer, seller, amount: 800 });
      const { token } = await shop.addPerson();
      for (const path of ['', '/timeline', '/events', '/actions']) {
        const answer = await stack.api.get<Refusal>(`/v1/orders/${order.id}${path}`, { token });
        expect(expectStatus(answer, 404).code, path).toBe('order_not_found');
      }
      for (const path of ['/payments', '/confirm', '/cancel', '/close-chat']) {
        const body = path === '/payments' ? { channel: 'alipay' } : {};
        const answer = await stack.api.post<Refusal>(`/v1/orders/${order.id}${path}`, body, { token });
        expect(expectStatus(answer, 404).code, path).toBe('order_not_found');
      }
    });

    it('answers a repeated Idempotency-Key alike, and refuses it for another order', async () => {
      const { stack, buyer, seller } = world();
      const idempotencyKey = randomUUID();
      const wish = { kind: 'deal', buyerId: buyer.id, sellerId: seller.id, subject: 'once' };
      const create = (amount: number) =>
        stack.api.post<Order & Refusal>('/v1/orders', { ...wish, amount }, { idempotencyKey });
      const first = expectStatus(await create(100), 201);
      const again = await create(100);
      expect(expectStatus(again, 201)).toEqual(first);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(expectStatus(await create(101), 409).code).toBe('idempotency_conflict');
    });
  });
}
