/** Kills while a membership renews itself: each term is paid for once. */
import { randomInt } from 'node:crypto';
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { type Payment, type Person, expectStatus } from '../e2e/shop.js';
import { eventually } from '../e2e/wait.js';
import { AMOUNT, type Scenario, type Scene, people, underWay } from './scene.js';

const PRICE = 300;
const DAY_MS = 86_400_000;

interface Renewal {
  id: string;
  status: string;
  renewals: number;
  nextTryAt: string | null;
}

interface Member {
  buyer: Person;
  payment: Payment;
}

/** A level of one day that is to renew itself: its next day is due as soon as it is bought. */
async function memberOf({ shop, api }: Scene, buyer: Person): Promise<Member> {
  const row = { levelId: `day-${buyer.id}`, name: 'a day', amount: PRICE, days: 1 };
  const priceId = String(randomInt(1, 2 ** 47));
  expectStatus(await api.put(`/v1/catalog/membership-prices/${priceId}`, row), 200);
  const nextAction = { type: 6, userLevelPriceId: priceId, isAutoRenew: true };
  const order = await shop.newOrder({ kind: 'topup', buyer, amount: AMOUNT, nextAction });
  return { buyer, payment: await shop.openAttempt(order, 'alipay') };
}

async function renewedOnce({ api, shop, fleet }: Scene, { buyer }: Member): Promise<void> {
  const at = `/v1/users/${buyer.id}/membership-renewals`;
  const renewal = await eventually('the next day is paid for', async () => {
    const [found] = expectStatus(await api.get<{ data: Renewal[] }>(at), 200).data;
    if (found?.renewals !== 1) throw new Error(`it has paid for ${found?.renewals} terms`);
    return found;
  });
  expect(renewal.status).toBe('active');
  expect(Date.parse(renewal.nextTryAt ?? '')).toBeGreaterThan(Date.now());
  const amounts = (await shop.walletEntries(buyer)).map(({ amount }) => amount);
  expect(amounts).toEqual([-PRICE, -PRICE, AMOUNT]);
  const [level] = expectStatus(
    await api.get<{ data: { validFrom: string; validTo: string }[] }>(`/v1/users/${buyer.id}/entitlements`),
    200,
  ).data;
  expect(Date.parse(level?.validTo ?? '') - Date.parse(level?.validFrom ?? '')).toBe(2 * DAY_MS);
  const told = await fleet.sql<{ type: string }[]>`SELECT type FROM account_events WHERE ref = ${renewal.id}`;
  expect(told.map(({ type }) => type)).toEqual(['membership.renewed']);
  // So that nothing of it is left when all scenarios have ended.
  expectStatus(await api.post(`${at}/${renewal.id}/cancel`, {}), 200);
}

const isRenewed = async (scene: Scene) => {
  const { buyer } = await people(scene);
  const member = await memberOf(scene, buyer);
  return underWay(
    () => scene.shop.payAtProvider(member.payment),
    () => renewedOnce(scene, member),
  );
};

const scenario = (says: string): Scenario => ({
  kills: 'worker',
  proves: 'T1 M3',
  says,
  prepare: isRenewed,
});

export const MEMBERSHIPS = {
  'renewal start: before Temporal': scenario(
    'the row is still due; its workflow is started by another relay',
  ),
  'renewal start: Temporal has it': scenario('the second start finds the first one’s workflow'),
  'renewal: before commit': scenario('nothing had happened; the second try pays for the term once'),
  'renewal: committed': scenario('the second try finds nothing due'),
} satisfies Partial<Record<CrashPoint, Scenario>>;
