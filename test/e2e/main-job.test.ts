/** The product as `npm start` runs it, used as buyers and merchants use it: HTTP, a browser, Temporal. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from './browser.js';
import { chainTests } from './main-job/chain.js';
import { decisionTests } from './main-job/decisions.js';
import { documentTests } from './main-job/documents.js';
import { notificationTests } from './main-job/notifications.js';
import { payingTests } from './main-job/paying.js';
import { PATIENT_MS, WINDOW_MS, type World } from './main-job/world.js';
import { openShop } from './shop.js';
import { startStack } from './stack.js';
import { connectToTemporal } from './workflows.js';

let shared: World | undefined;

function world(): World {
  if (shared === undefined) throw new Error('the product did not start');
  return shared;
}

beforeAll(async () => {
  const window = `${WINDOW_MS}ms`;
  const [stack, browser] = await Promise.all([
    startStack({ CHAT_WINDOW: window, AUTO_CONFIRM_AFTER: window }),
    launchBrowser(),
  ]);
  const shop = openShop(stack);
  const [workflows, buyer, seller] = await Promise.all([
    connectToTemporal(stack),
    shop.addPerson(),
    shop.addPerson(),
  ]);
  shared = { stack, shop, browser, workflows, buyer, seller };
});

afterAll(async () => {
  await shared?.workflows.close();
  await shared?.browser.close();
  await shared?.stack.remove();
});

describe('the main job', () => {
  payingTests(world);
  chainTests(world);
  notificationTests(world);
  decisionTests(world);
  documentTests(world);

  it('balances, with nothing in suspense that no operator knows of', async () => {
    const { shop } = world();
    const proof = await shop.proof();
    expect(proof).toMatchObject({ balanced: true, totalDebit: proof.totalCredit });
    const inSuspense = proof.accounts.find(({ account }) => account === 'platform:suspense')?.balance ?? 0;
    const known = (await shop.allOpenItems())
      .filter(({ kind, details }) => kind === 'suspense' && details['inSuspense'] === true)
      .reduce((sum, { details }) => sum + Number(details['amount']), 0);
    expect(inSuspense).toBe(known);
  });

  it(
    'ends at SIGTERM, and leaves neither a process nor an open port',
    () => world().stack.stop(),
    PATIENT_MS,
  );
});
