/** Random chains of actions, with what each of their steps has to come to. */
import type { Random } from '../notifications/random.js';
import { ACTION_NAMES, type ActionName, definitionOf } from '../../domain/next-actions.js';
import { CASES } from './cases.js';
import type { Fields, Shop } from './shop.js';

/** What is wrong with an action, if anything. */
/** What is wrong with the action itself; and `too dear`: its payer has less than it costs. */
type OwnWrong = 'foreign' | 'missing' | 'paid before';
export type Wrong = OwnWrong | 'too dear';

export interface PlannedAction {
  name: ActionName;
  wrong: Wrong | null;
  price: number;
  /** Nothing, where the action does not come to its effect. */
  seen: (() => Promise<unknown>) | null;
  wanted: unknown;
}

export interface Tree {
  nextAction: Fields;
  actions: PlannedAction[];
  /** What runs before it by an order of its own, so that things are paid for already. */
  before: Fields[];
  /** Fen that all actions which are well cost. */
  cost: number;
  /** Fen that are left then: one, or less than the last action costs. */
  left: number;
}

const WRONG_SHARE = 0.25;

/** Which of the actions can be wrong in which way: a role belongs to nobody, and a message is never paid. */
async function planned(
  shop: Shop,
  random: Random,
  name: ActionName,
  people: { payer: string; stranger: string },
): Promise<{ action: Fields; before: Fields[] } & PlannedAction> {
  const { missing } = CASES[name];
  const { payer, stranger } = people;
  const own = await CASES[name].stage(shop, payer);
  const possible: OwnWrong[] = [
    ...(missing === undefined ? [] : (['missing'] as const)),
    ...(own.thing === undefined ? [] : (['foreign', 'paid before'] as const)),
  ];
  const wrong = possible.length > 0 && random.chance(WRONG_SHARE) ? random.pick(possible) : null;
  const none = { name, wrong, price: 0, seen: null, wanted: null };
  switch (wrong) {
    case 'missing':
      return { ...none, action: missing ?? {}, before: [] };
    case 'foreign':
      return { ...none, action: (await CASES[name].stage(shop, stranger)).action, before: [] };
    case 'paid before':
      return { ...none, action: own.action, before: [own.action] };
    case null:
    default:
      return { ...none, ...own, action: own.action, before: [] };
  }
}

/** Each type at most once, so that what one has bought does not stand in another's way; half of them with lists. */
export async function growTree(
  shop: Shop,
  random: Random,
  people: { payer: string; stranger: string },
): Promise<Tree> {
  const names = random.shuffled(ACTION_NAMES).slice(0, 1 + random.below(8));
  const plans = [];
  for (const name of names) plans.push(await planned(shop, random, name, people));
  const grown = [];
  for (const plan of plans) grown.push(await withList(shop, random, people.payer, plan));
  const before = grown.flatMap((plan) => plan.before);
  // What ran before leaves some money.
  const left = before.length > 0 || random.chance(1 - WRONG_SHARE) ? 1 : makeTooDear(grown);
  return {
    nextAction: grown.reduceRight<Fields>(
      (inner, { action }) => ({ ...action, ...(Object.keys(inner).length > 0 && { nextAction: inner }) }),
      {},
    ),
    actions: grown,
    before,
    cost: grown.reduce((total, { price }) => total + price, 0),
    left,
  };
}

/** The last action that costs something, unless it is a list. @returns what its payer has, a fen less than its price */
function makeTooDear(plans: ({ action: Fields } & PlannedAction)[]): number {
  const last = plans.findLast(({ price }) => price > 1);
  const ids = last?.action['id'];
  if (last === undefined || (typeof ids === 'string' && ids.includes(','))) return 1;
  const left = last.price - 1;
  Object.assign(last, { wrong: 'too dear', price: 0, seen: null });
  return left;
}

/** Of types that take several ids, sometimes two more beside the first. */
async function withList<P extends { action: Fields } & PlannedAction>(
  shop: Shop,
  random: Random,
  payer: string,
  plan: P,
): Promise<P> {
  if (definitionOf(plan.name).listField !== 'id' || plan.wrong !== null || random.chance(0.5)) return plan;
  const more = [await CASES[plan.name].stage(shop, payer), await CASES[plan.name].stage(shop, payer)];
  const all = [plan.action, ...more.map(({ action }) => action)];
  return {
    ...plan,
    action: { ...plan.action, id: all.map(({ id }) => String(id)).join(',') },
    price: plan.price + more.reduce((total, { price }) => total + price, 0),
  };
}
