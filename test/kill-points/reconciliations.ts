/** Kills while a day is compared with its bill: what is found and booked counts once. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { chinaDayOf, dayBeside, dayStartMs } from '../../domain/reconciliation.js';
import { expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { type Scenario, type Scene, confirm, postingsOf, sqlCounts, underWay, unpaidDeal } from './scene.js';

interface Reconciliation {
  status: string;
  progress: { billRows: number; matched: number };
  fees: number | null;
  differences: unknown[];
}

/** 0.6 % of a deal. */
const FEE = 8;
const NOON_MS = 12 * 3_600_000;

/** A payment of a day of its own, of which only the bill tells. @param daysAgo two or more: the bill is there */
const ofAnUnheardPayment = (daysAgo: number) => async (scene: Scene) => {
  const { shop, api, fleet } = scene;
  const deal = await unpaidDeal(scene);
  const { orderNo } = deal.order;
  const payment = await shop.openAttempt(deal.order, 'alipay');
  // Nobody asks before the bill does.
  await fleet.sql`UPDATE payments SET ask_at = now() + interval '1 hour' WHERE order_no = ${orderNo}`;
  const date = dayBeside(chinaDayOf(Date.now()), -daysAgo);
  const day = { channel: 'alipay', date };
  const path = `/v1/reconciliations/alipay-${date}`;
  return underWay(
    async () => {
      const paidAt = new Date(dayStartMs(date) + NOON_MS).toISOString();
      await shop.payAtProvider(payment, { notify: false, paidAt });
      return expectStatus(await api.post<Reconciliation>('/v1/reconciliations', day), 202);
    },
    async () => {
      await shop.orderIs(deal.order, 'paid');
      const ended = await eventually(`the reconciliation of ${date} has ended`, async () => {
        const found = expectStatus(await api.get<Reconciliation>(path), 200);
        if (found.status !== 'completed') throw new Error(`it is ${found.status}`);
        return found;
      });
      expect(ended).toMatchObject({ progress: { billRows: 1 }, fees: FEE, differences: [] });
      await sqlCounts(
        scene,
        'its fees are posted once',
        `SELECT count(*) FROM postings p JOIN entries e ON e.posting_id = p.id
          WHERE p.key = 'reconciliation/alipay/${date}:fees' AND e.account = 'channel:alipay' AND e.amount = ${FEE}`,
        1,
      );
      await confirm(scene, deal);
      await shop.orderIs(deal.order, 'completed');
      expect(await postingsOf(scene, deal.order)).toEqual(['payment', 'release']);
    },
  );
};

export const RECONCILIATIONS = {
  'reconciliation: rows staged': {
    kills: 'worker',
    proves: 'M4 W5',
    says: 'the next worker goes on, and the bill is compared once',
    prepare: ofAnUnheardPayment(2),
  },
  'reconciliation: compared': {
    kills: 'worker',
    proves: 'M4 W5',
    says: 'it is compared again, and its fees are posted once',
    prepare: ofAnUnheardPayment(3),
  },
  'reconciliation: asked': {
    kills: 'worker',
    proves: 'M4 W5',
    says: 'the channel is asked again, and the payment counts once',
    prepare: ofAnUnheardPayment(4),
  },
  'reconciliation: ended': {
    kills: 'worker',
    proves: 'M4 W5',
    says: 'it ends again as it ended',
    prepare: ofAnUnheardPayment(5),
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
