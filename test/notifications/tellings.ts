/** What is told about one order, and when: each class adds its own. */
import type { ClassName, EffectName, Fate } from './classes.js';
import { DAMAGES, type Told, type LetterChannel } from './letters.js';
import type { Random } from './random.js';

/** One notification. The numbers that a provider gives are filled in when they are known. */
export interface Telling extends Omit<Told, 'outTradeNo' | 'tradeNo'> {
  class: ClassName | 'plain';
  effect: EffectName;
  /** Who signs it, and whose webhook it goes to. */
  route: LetterChannel;
  /** Whose number it names. */
  attempt: 1 | 2;
  /** The transaction that it names: the genuine one of an attempt, or one of its own. */
  trade: 1 | 2 | 'own';
}

/** Before the payment (of a late one: before the order closes), among what tells of it, or after it has had its effect. */
export type Phase = 'before' | 'with' | 'after';

/** Steps that follow each other; what is in one step is sent at once. Units of a phase all run at the same time. */
export interface Unit {
  phase: Phase;
  steps: readonly (readonly Telling[])[];
}

export interface Plan {
  nth: number;
  fate: Fate;
  classes: readonly ClassName[];
  channel: LetterChannel;
  secondAt: LetterChannel;
  amountFen: number;
}

interface Draft extends Plan {
  random: Random;
  /** A notification of the order's own attempt that says what is true; each has an event key of its own. */
  telling: (change: Partial<Telling> & Pick<Telling, 'class' | 'effect'>) => Telling;
  phase: () => Phase;
}

const TEN_MINUTES_MS = 600_000;
const DUPLICATES = 5;

function draftOf(random: Random, plan: Plan): Draft {
  let made = 0;
  const isFirst = plan.classes.includes('before its workflow');
  return {
    ...plan,
    random,
    telling: (change) => {
      made += 1;
      return {
        route: plan.channel,
        eventKey: `chaos-${plan.nth}-${made}`,
        attempt: 1,
        trade: 1,
        amountFen: plan.amountFen,
        currency: 'CNY',
        says: 'paid',
        merchant: 'ours',
        damage: null,
        agoMs: 0,
        ...change,
      };
    },
    phase: () => {
      if (plan.fate === 'unpaid') return 'with';
      // The payment itself is to be the first that is heard of the order.
      return isFirst ? 'after' : random.pick(['before', 'with', 'after'] as const);
    },
  };
}

export function tellingsOf(random: Random, plan: Plan): Unit[] {
  const draft = draftOf(random, plan);
  const genuine = draft.telling({ class: 'plain', effect: 'payment' });
  const payment = plan.fate === 'unpaid' ? neverPaid(draft) : [paymentUnit(draft, genuine)];
  return random.shuffled([
    ...payment,
    ...plan.classes.flatMap((name) => OTHERS[name]?.(draft, genuine) ?? []),
  ]);
}

/** A trade of which there is something to tell, but no payment. */
function neverPaid({ random, telling }: Draft): Unit[] {
  const says = random.pick(['closed', 'failed', 'waiting', 'refunded'] as const);
  return alone('with', telling({ class: 'plain', effect: 'news', says }));
}

/** The genuine payment, and what comes in a wrong order or too often with it. */
function paymentUnit(draft: Draft, genuine: Telling): Unit {
  const { classes } = draft;
  const before = classes.includes('reordered') ? reordered(draft) : [];
  const told = classes.includes('duplicate') ? duplicated(draft, genuine) : [[genuine]];
  return { phase: 'with', steps: [...before, ...told] };
}

/** What follows a payment, and comes before it. */
function reordered({ random, telling }: Draft): Telling[][] {
  const says = random.pick(['closed', 'waiting', 'refunded', 'finished'] as const);
  const effect = says === 'finished' ? 'payment' : 'news';
  return [[telling({ class: 'reordered', effect, says })]];
}

function duplicated({ random, telling }: Draft, genuine: Telling): Telling[][] {
  const same: Telling = { ...genuine, class: 'duplicate' };
  const again = Array.from({ length: DUPLICATES - 1 }, () => same);
  const others = again.map(() => telling({ class: 'duplicate', effect: 'payment' }));
  return random.pick([
    // A provider that had no answer, one that sends without waiting, and one that makes a new event of each.
    [[same], ...again.map((one) => [one])],
    [[same, ...again]],
    [[same, ...others]],
  ]);
}

type Adds = (draft: Draft, genuine: Telling) => Unit[];

const alone = (phase: Phase, telling: Telling): Unit[] => [{ phase, steps: [[telling]] }];

const damaged =
  (name: 'tampered' | 'wrong key'): Adds =>
  ({ random, telling, phase, channel, nth, fate }) => {
    const damage = random.pick<NonNullable<Told['damage']>>(DAMAGES[channel][name]);
    // Of an order that is paid, too: as somebody would who wants it paid by nothing.
    const trade = fate !== 'unpaid' && nth % 2 === 0 ? 1 : 'own';
    return alone(phase(), telling({ class: name, effect: 'forged', damage, trade }));
  };

const otherAmount =
  (name: 'a fen more' | 'a fen less', difference: number): Adds =>
  ({ random, telling, phase, amountFen, fate }) => {
    const wrong = { class: name, amountFen: amountFen + difference };
    if (fate !== 'unpaid' && random.chance(0.3)) {
      return alone(phase(), telling({ ...wrong, effect: 'mistold' }));
    }
    return alone(phase(), telling({ ...wrong, effect: 'stray', trade: 'own' }));
  };

const OTHERS: Partial<Record<ClassName, Adds>> = {
  tampered: damaged('tampered'),
  'wrong key': damaged('wrong key'),
  'a fen more': otherAmount('a fen more', 1),
  'a fen less': otherAmount('a fen less', -1),
  'wrong merchant': ({ random, telling, phase }) => {
    const merchant = random.pick(['other app', 'other account'] as const);
    return alone(phase(), telling({ class: 'wrong merchant', effect: 'foreign', merchant, trade: 'own' }));
  },
  'other currency': ({ telling, phase }) =>
    alone(phase(), telling({ class: 'other currency', effect: 'foreign', currency: 'USD', trade: 'own' })),
  'wrong channel': ({ telling, phase, channel }) => {
    const route = channel === 'alipay' ? 'wechat' : 'alipay';
    return alone(phase(), telling({ class: 'wrong channel', effect: 'stray', route, trade: 'own' }));
  },
  replayed: ({ channel }, genuine) => {
    // WeChat Pay signs the time, so an old one is refused; Alipay does not, so the event's own id is the defence.
    const effect = channel === 'wechat' ? 'forged' : 'payment';
    return alone('after', { ...genuine, class: 'replayed', effect, agoMs: TEN_MINUTES_MS });
  },
  'failed after paid': ({ random, telling }) =>
    alone(
      'after',
      telling({
        class: 'failed after paid',
        effect: 'news',
        says: random.pick(['closed', 'failed'] as const),
      }),
    ),
  second: ({ random, telling, secondAt: route }) => {
    const phase = random.pick(['before', 'with', 'after'] as const);
    return alone(phase, telling({ class: 'second', effect: 'payment', route, attempt: 2, trade: 2 }));
  },
};
