/** What happens to each order: dealt out by a seed, so that every class comes as often as it should. */
import { CLASSES, CLASS_NAMES, type ClassName, type Fate, NEVER_PAID, mayHave } from './classes.js';
import { type Random, randomOf } from './random.js';
import { type Telling, type Unit, tellingsOf } from './tellings.js';
import { type LetterChannel, LETTER_CHANNELS } from './letters.js';

export interface Script {
  nth: number;
  /** Where the first attempt is opened. */
  channel: LetterChannel;
  /** Where a second one is, of another scene. */
  secondAt: LetterChannel;
  kind: 'deal' | 'topup' | 'package';
  amountFen: number;
  fate: Fate;
  /** How an order closes before its payment comes late. */
  closesBy: 'cancel' | 'expiry';
  /** The buyer confirms at once, so that what follows meets an order that has ended. */
  confirmed: boolean;
  classes: readonly ClassName[];
  units: readonly Unit[];
}

/** All that is told about an order. */
export const allTellings = ({ units }: Script): Telling[] => units.flatMap(({ steps }) => steps.flat());

/** 2,000 to a full deal; a smaller one has as much less of everything. */
export function dealScripts(seed: number, size: number): Script[] {
  const random = randomOf(seed);
  const share = (of2000: number): number => Math.round((of2000 * size) / 2_000);
  const fates = dealFates(random, size, share);
  const classes: ClassName[][] = fates.map(() => []);
  for (const name of CLASS_NAMES) {
    const able = fates.flatMap(({ fate, only }, nth) =>
      mayHave(name, fate) && (!isExclusive(name) || only === name) ? [nth] : [],
    );
    for (const nth of random.shuffled(able).slice(0, share(CLASSES[name]))) classes[nth]?.push(name);
  }
  return fates.map(({ fate }, nth) => scriptOf(random, nth, fate, classes[nth] ?? []));
}

const EXCLUSIVE = ['late', 'second', 'before its workflow'] as const satisfies readonly ClassName[];
const isExclusive = (name: ClassName): boolean => EXCLUSIVE.some((other) => other === name);

interface Lot {
  fate: Fate;
  /** The class that shapes the order's life, of which it has one at most. */
  only: ClassName | null;
}

function dealFates(random: Random, size: number, share: (of2000: number) => number): Lot[] {
  const shaped = EXCLUSIVE.flatMap((only) =>
    Array.from({ length: share(CLASSES[only]) }, (): Lot => ({
      fate: only === 'late' ? 'late' : 'paid',
      only,
    })),
  );
  const never = Array.from({ length: share(NEVER_PAID) }, (): Lot => ({ fate: 'unpaid', only: null }));
  const rest = Array.from({ length: size - shaped.length - never.length }, (): Lot => ({
    fate: 'paid',
    only: null,
  }));
  return random.shuffled([...shaped, ...never, ...rest]);
}

function scriptOf(random: Random, nth: number, fate: Fate, classes: readonly ClassName[]): Script {
  const kind = random.pick(['deal', 'deal', 'deal', 'topup', 'package'] as const);
  const plan = {
    nth,
    fate,
    classes,
    channel: random.pick(LETTER_CHANNELS),
    secondAt: random.pick(LETTER_CHANNELS),
    amountFen: 2 + random.below(99_999),
  };
  return {
    ...plan,
    kind,
    closesBy: random.pick(['cancel', 'expiry'] as const),
    confirmed: kind === 'deal' && fate === 'paid' && random.chance(0.15),
    units: tellingsOf(random, plan),
  };
}
