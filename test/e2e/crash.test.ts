/** Kill -9 of any process, anywhere: every order ends right within 60 s of its return, each effect once (promise T5). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAGES, type UnderWay } from './crash/stages.js';
import { describeFull } from '../support/full.js';
import { type Shop, openShop } from './shop.js';
import { type Stack, startStack } from './stack.js';

/** Each wait has its own deadline; this only ends a test that waits for many. */
const PATIENT_MS = 240_000;

let stack: Stack;
let shop: Shop;

beforeAll(async () => {
  stack = await startStack({ CHAT_WINDOW: '2s', AUTO_CONFIRM_AFTER: '2s' });
  shop = openShop(stack);
});

afterAll(() => stack?.remove());

async function expectSoundBooks(): Promise<void> {
  const proof = await shop.proof();
  expect(proof).toMatchObject({ balanced: true, totalDebit: proof.totalCredit });
  expect(await shop.allOpenItems()).toEqual([]);
}

describe('kill -9', () => {
  it(
    'of everything, the launcher too: ten orders in ten stages end right on the same HOLDFAST_HOME',
    async () => {
      const underWay: [name: string, order: UnderWay][] = [];
      for (const [name, stage] of Object.entries(STAGES)) underWay.push([name, await stage({ stack, shop })]);
      await Promise.all(underWay.flatMap(([, { lastMoment }]) => (lastMoment ? [lastMoment()] : [])));
      await stack.killEverything();
      await stack.start();
      await Promise.all(
        underWay.map(([name, { afterwards }]) =>
          afterwards().catch((error: unknown) => {
            throw new Error(`the order of stage ${name} did not end right`, { cause: error });
          }),
        ),
      );
      await expectSoundBooks();
    },
    PATIENT_MS,
  );
});

// In every run chaos kills each of them, too.
describeFull('kill -9 of one', () => {
  it.each(['worker', 'api', 'postgres', 'temporal'] as const)(
    'of %s alone, right after a payment: the order reaches its end',
    async (name) => {
      const [buyer, seller] = await Promise.all([shop.addPerson(), shop.addPerson()]);
      const order = await shop.newOrder({ buyer, seller, amount: 600 });
      await shop.pay(order);
      await stack.restarted(name, stack.kill(name));
      await shop.orderIs(order, 'completed');
      expect(await shop.walletOf(seller)).toMatchObject({ held: 0, withdrawable: 600 });
      const types = (await shop.timelineOf(order)).map(({ type }) => type);
      expect(types.filter((type) => type === 'payment.received')).toHaveLength(1);
      expect(types.filter((type) => type === 'money.released')).toHaveLength(1);
      await expectSoundBooks();
    },
    PATIENT_MS,
  );
});
