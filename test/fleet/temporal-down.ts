/** Temporal is killed and stays away, while providers go on to notify. */
import { expect } from 'vitest';
import { openLoop, percentile, until } from '../../bench/stats.js';
import { type Answered, type Crowd, type Notice, allStarted, countPaid, countStored } from './crowd.js';
import type { Fleet } from './fleet.js';
import { expectAllPromises, say, spread, within } from './verdict.js';

const PER_SECOND = 20;
const ANSWERED_WITHIN_MS = 1_000;
const HELD_WITHIN_MS = 60_000;

export async function temporalDown(fleet: Fleet, crowd: Crowd, seconds: number): Promise<void> {
  const orders = await crowd.unpaid(seconds * PER_SECOND);
  await until('the workflows of all orders run', () => allStarted(fleet, orders));
  const notices = orders.map((order) => crowd.newNotice(order));

  await fleet.temporal.kill();
  const answers: { notice: Notice; answer: Answered }[] = [];
  await openLoop(notices.length, 1_000 / PER_SECOND, async (index) => {
    const notice = notices[index];
    if (notice !== undefined) answers.push({ notice, answer: await crowd.post(notice) });
  });
  const refused = answers.filter(({ notice, answer }) => !crowd.isAccepted(notice, answer));
  const tookMs = answers.map(({ answer }) => answer.ms);
  expect(refused, 'every one is answered with its success').toEqual([]);
  expect(percentile(tookMs, 0.99)).toBeLessThan(ANSWERED_WITHIN_MS);
  expect(await countStored(fleet, notices), 'every one is a row').toBe(notices.length);

  await fleet.temporal.start();
  const areHeld = async (): Promise<boolean> => (await countPaid(fleet, orders)) === orders.length;
  const held = await within(HELD_WITHIN_MS, 'all orders are held', areHeld);
  say(`Temporal down for ${seconds} s`, {
    answers: spread(tookMs),
    'all held after': held,
  });
  await expectAllPromises(fleet);
}
