/** Journeys of every kind, side by side, at the pace of the kills. */
import { type Person, openShop } from '../e2e/shop.js';
import type { Stack } from '../e2e/stack.js';
import { type Random, randomOf } from '../notifications/random.js';
import { type Cashier, badWeather } from './cashier.js';
import { CHAINS } from './chains.js';
import { type GoodClient, surprise } from './client.js';
import { DEALS } from './deals.js';
import type { Ended, Journey, Scene } from './steps.js';
import { STRAYS } from './strays.js';
import { WITHDRAWALS } from './withdrawals.js';

const PEOPLE = 12;
const FIRST_MONEY_FEN = 500_000;
const FEE_BPS = 333;
const AT_ONCE = 20;
const BAD_WEATHER_SHARE = 0.06;

const JOURNEYS: [name: string, journey: Journey][] = Object.entries({
  ...DEALS,
  ...CHAINS,
  ...STRAYS,
  ...WITHDRAWALS,
});

export interface World {
  client: GoodClient;
  sandbox: GoodClient;
  cashier: Cashier;
  people: Person[];
}

/** People with money to spend, who are each other's buyers and sellers; and a fee, so that there is one to check. */
export async function populate(stack: Stack, client: GoodClient): Promise<Person[]> {
  const shop = openShop(stack);
  const fee = await client.put('/v1/settings/fee.platformBps', { value: FEE_BPS });
  if (fee.status !== 200) throw surprise('the fee', fee);
  return Promise.all(
    Array.from({ length: PEOPLE }, async () => {
      const buyer = await shop.addPerson();
      await shop.pay(await shop.newOrder({ kind: 'topup', buyer, amount: FIRST_MONEY_FEN }));
      return buyer;
    }),
  );
}

export interface Planned {
  name: string;
  journey: Journey;
  random: Random;
}

/** Every journey about as often as every other, in an order that the seed decides. */
export function plan(random: Random, orders: number): Planned[] {
  const rounds = Array.from({ length: Math.ceil(orders / JOURNEYS.length) }, () => random.shuffled(JOURNEYS));
  return rounds
    .flat()
    .slice(0, orders)
    .map(([name, journey]) => ({ name, journey, random: randomOf(random.below(2 ** 32)) }));
}

export interface Pacer {
  /**
   * Lets more journeys begin.
   * @param killed how many kills have been
   * @returns once those that might begin before have begun: customers are slower than kills, and those who came after
   *   the last one would show nothing
   */
  allow(killed: number): Promise<void>;
  /** Waits until the journey of this number may begin. */
  turn(index: number): Promise<void>;
}

/** Lets journeys begin no faster than the kills go on, and no slower, so that both end together. */
export function pacerOf(orders: number, kills: number): Pacer {
  let allowed = kills === 0 ? orders : 0;
  let begun = 0;
  let waiting: { isDue: () => boolean; go: () => void }[] = [];
  const when = (isDue: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ isDue, go: resolve });
      goOn();
    });
  const goOn = (): void => {
    const due = waiting.filter(({ isDue }) => isDue());
    waiting = waiting.filter((one) => !due.includes(one));
    for (const { go } of due) go();
  };
  return {
    allow: (killed) => {
      const before = allowed;
      allowed = Math.max(allowed, Math.ceil((orders * (killed + 1)) / Math.max(kills, 1)));
      allowed = Math.min(allowed, orders);
      goOn();
      return when(() => begun >= before);
    },
    turn: async (index) => {
      await when(() => index < allowed);
      begun += 1;
      goOn();
    },
  };
}

export interface Outcome {
  name: string;
  tag: string;
  ended: Ended[];
  /** Why the journey could not be walked to its end. */
  fault: Error | null;
}

async function walk(world: World, { name, journey, random }: Planned, tag: string): Promise<Outcome> {
  const [buyer, seller] = random.shuffled(world.people);
  if (buyer === undefined || seller === undefined) throw new Error('it takes two');
  const scene: Scene = { ...world, random, buyer, seller, tag };
  try {
    if (random.chance(BAD_WEATHER_SHARE)) await badWeather(random, world.sandbox);
    return { name, tag, ended: await journey(scene), fault: null };
  } catch (error) {
    return { name, tag, ended: [], fault: error instanceof Error ? error : new Error(String(error)) };
  }
}

export async function walkAll(
  world: World,
  journeys: readonly Planned[],
  pacer: Pacer,
  log: (line: string) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    for (let index = next++; ; index = next++) {
      const planned = journeys[index];
      if (planned === undefined) return;
      await pacer.turn(index);
      const outcome = await walk(world, planned, `journey-${index}`);
      if (outcome.fault !== null) log(`${planned.name} failed: ${outcome.fault.message}`);
      outcomes.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return outcomes;
}
