/** Kills around a message by a provider, which knows no idempotency key. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { expectStatus, newMobile } from '../e2e/shop.js';
import { AMOUNT, type Scenario, type Scene, people, toldOf, underWay } from './scene.js';

const TEMPLATES = { aliyun: '121', tencent: '122' } as const;

/** A topup with a message as its only step. */
async function topUpWithMessage(scene: Scene, provider: keyof typeof TEMPLATES) {
  const { api, shop, fleet } = scene;
  const template = { provider, sign: 'Holdfast', template: `T_${provider}`, params: ['code'] };
  expectStatus(await api.put(`/v1/catalog/sms-templates/${TEMPLATES[provider]}`, template), 200);
  const { buyer } = await people(scene);
  const mobile = newMobile();
  const nextAction = { type: 2, smsId: TEMPLATES[provider], mobile, postJsonString: { code: 1 } };
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT, nextAction });
  const payment = await shop.openAttempt(order, 'alipay');
  const atTheProvider = async (): Promise<object[]> =>
    expectStatus(await fleet.sandbox.get<{ data: object[] }>(`/sms?mobile=${mobile}`), 200).data;
  return { order, payment, mobile, atTheProvider };
}

/** The provider has the message, or is asked and shows it: it is sent once, and the order goes on. */
const isSentOnce = (provider: keyof typeof TEMPLATES) => async (scene: Scene) => {
  const { shop } = scene;
  const { order, payment, mobile, atTheProvider } = await topUpWithMessage(scene, provider);
  return underWay(
    () => shop.payAtProvider(payment),
    async () => {
      await shop.orderIs(order, 'completed');
      expect(await atTheProvider()).toMatchObject([{ provider, reference: `${order.orderNo}:0` }]);
      expect(await shop.smsTo(mobile)).toMatchObject([{ status: 'sent', attempts: 1 }]);
      expect(await toldOf(scene, order)).toMatchObject({ 'action.succeeded': 1 });
    },
  );
};

/** Nobody can tell a message that was never posted from one whose answer got lost: a person decides. */
const waitsForAPerson = async (scene: Scene) => {
  const { shop, api } = scene;
  const { order, payment, mobile, atTheProvider } = await topUpWithMessage(scene, 'aliyun');
  return underWay(
    () => shop.payAtProvider(payment),
    async () => {
      await shop.orderIs(order, 'action_required');
      expect(await shop.openItems(order)).toMatchObject([
        { kind: 'parked_step', details: { code: 'sms_unknown_outcome' } },
      ]);
      expect(await atTheProvider()).toEqual([]);
      expectStatus(await api.post(`/v1/orders/${order.id}/actions/0/retry`, {}), 200);
      await shop.orderIs(order, 'completed');
      expect(await atTheProvider()).toHaveLength(1);
      expect(await shop.smsTo(mobile)).toMatchObject([
        { status: 'sent', attempts: 1 },
        { status: 'unknown', attempts: 1 },
      ]);
    },
  );
};

export const MESSAGES = {
  'sms: before the provider': {
    kills: 'worker',
    proves: 'T1 T6',
    says: 'it is asked for, then parked; a person has it sent, once',
    prepare: waitsForAPerson,
  },
  'sms: provider has it': {
    kills: 'worker',
    proves: 'T1',
    says: 'it is asked for and found, and sent once',
    prepare: isSentOnce('aliyun'),
  },
  'sms: recorded': {
    kills: 'worker',
    proves: 'T1 T2',
    says: 'the second try finds it sent',
    prepare: isSentOnce('tencent'),
  },
} satisfies Partial<Record<CrashPoint, Scenario>>;
