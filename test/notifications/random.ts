/** Random choices that a seed repeats. */

export interface Random {
  /** From 0 up to, and without, `below`. */
  below(below: number): number;
  /** @param share from 0 to 1 */
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  /** A new array of the same elements. */
  shuffled<T>(from: readonly T[]): T[];
}

/** Mulberry32: 32 bits of state are enough for choices that nobody has to guess. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    chance: (share) => next() < share,
    pick: <T>(from: readonly T[]): T => {
      const picked = from[below(from.length)];
      if (picked === undefined) throw new Error('nothing to pick from');
      return picked;
    },
    shuffled: (from) => {
      const left = [...from];
      return from.flatMap(() => left.splice(below(left.length), 1));
    },
  };
}
