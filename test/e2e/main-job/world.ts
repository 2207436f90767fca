import type { Browser } from 'playwright-core';
import type { Person, Shop } from '../shop.js';
import type { Stack } from '../stack.js';
import type { Workflows } from '../workflows.js';

/** What the tests of the main job share: one running product, and two people who never had any money. */
export interface World {
  stack: Stack;
  shop: Shop;
  browser: Browser;
  workflows: Workflows;
  buyer: Person;
  seller: Person;
}

/** The chat window and the auto-confirm of the whole installation. */
export const WINDOW_MS = 4_000;
/** Waits that follow one another each have their own deadline, which a test's own must not cut short. */
export const PATIENT_MS = 150_000;

/** Money that this person can spend. */
export async function topUp({ shop }: World, buyer: Person, amount: number): Promise<void> {
  const order = await shop.newOrder({ kind: 'topup', buyer, amount });
  await shop.pay(order);
  await shop.orderIs(order, 'completed');
}
