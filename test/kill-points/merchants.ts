/** Kills while merchants are told of what has happened. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { startReceiver } from '../../outgoing/test-support.js';
import { expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { type Scenario, type Scene, underWay } from './scene.js';

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

export const MERCHANTS = {
  'delivery: sent': {
    kills: 'worker',
    proves: 'W7',
    says: 'the merchant is told again, under the same id',
    prepare: isToldAgain,
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
