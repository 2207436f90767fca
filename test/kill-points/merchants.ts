/** Kills while merchants are told of what has happened. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { startReceiver } from '../../outgoing/test-support.js';
import { expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { newSigningSecret } from '../../outgoing/signature.js';
import { AMOUNT, type Scenario, type Scene, people, toldOf, underWay } from './scene.js';

interface Delivery {
  id: string;
  messageId: string;
  status: string;
  attempts: { status: number | null }[];
}

/** An endpoint that no order of the round tells anything. */
const isToldAgain = async ({ api }: Scene) => {
  const receiver = await startReceiver();
  const wish = { url: receiver.url, eventTypes: ['withdrawal.bounced'] };
  const { id } = expectStatus(await api.post<{ id: string }>('/v1/webhook-endpoints', wish), 201);
  return underWay(
    async () => expectStatus(await api.post<Delivery>(`/v1/webhook-endpoints/${id}/test`), 201),
    async (sent) => {
      const ended = await eventually('the event has arrived', async () => {
        const path = `/v1/webhook-deliveries/${sent.id}`;
        const delivery = expectStatus(await api.get<Delivery>(path), 200);
        if (delivery.status !== 'succeeded') throw new Error(`it is ${delivery.status}`);
        return delivery;
      });
      // The first try was never noted.
      expect(ended.attempts).toMatchObject([{ status: 204 }]);
      const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
      expect(ids).toEqual([sent.messageId, sent.messageId]);
      await receiver.close();
    },
  );
};

/** Of a type that no other order has here. */
const ROUTED = 12;

const isCarriedOutThere = async (scene: Scene) => {
  const { api, shop } = scene;
  const receiver = await startReceiver();
  const wish = { url: receiver.url, secret: newSigningSecret() };
  expectStatus(await api.put(`/v1/action-endpoints/${ROUTED}`, wish), 200);
  const { buyer } = await people(scene);
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT, nextAction: { type: ROUTED } });
  const payment = await shop.openAttempt(order, 'alipay');
  return underWay(
    () => shop.payAtProvider(payment),
    async () => {
      await shop.orderIs(order, 'completed');
      const key = `${order.orderNo}:0`;
      const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
      expect(ids).toEqual([key, key]);
      expect(await toldOf(scene, order)).toMatchObject({ 'action.succeeded': 1 });
      await receiver.close();
    },
  );
};

export const MERCHANTS = {
  'action endpoint: answered': {
    kills: 'worker',
    proves: 'T1',
    says: 'the merchant’s system is called again, under the same key',
    prepare: isCarriedOutThere,
  },
  'delivery: sent': {
    kills: 'worker',
    proves: 'W7',
    says: 'the merchant is told again, under the same id',
    prepare: isToldAgain,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
