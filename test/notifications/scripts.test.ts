import { describe, expect, it } from 'vitest';
import { CLASSES, CLASS_NAMES, mayHave } from './classes.js';
import { allTellings, dealScripts } from './scripts.js';

const SEEDS = [[1], [2], [20_261_124], [4_294_967_295]];

describe('a deal of scripts', () => {
  it.each(SEEDS)('has every class as often as it should, by seed %d', (seed) => {
    const scripts = dealScripts(seed, 2_000);
    for (const name of CLASS_NAMES) {
      const having = scripts.filter(({ classes }) => classes.includes(name));
      expect([name, having.length]).toEqual([name, CLASSES[name]]);
      expect(having.filter(({ fate }) => !mayHave(name, fate))).toEqual([]);
    }
  });

  it.each(SEEDS)('gives each order as many tellings as its classes ask for, by seed %d', (seed) => {
    for (const script of dealScripts(seed, 400)) {
      const told = new Set(allTellings(script).map((telling) => telling.class));
      // A late payment, and one that comes before its workflow, are told by the plain one.
      const own = script.classes.filter((name) => name !== 'late' && name !== 'before its workflow');
      expect([...told].filter((name) => name !== 'plain').sort()).toEqual([...own].sort());
    }
  });

  it('is the same again by the same seed, and another by another', () => {
    expect(dealScripts(7, 100)).toEqual(dealScripts(7, 100));
    expect(dealScripts(7, 100)).not.toEqual(dealScripts(8, 100));
  });
});
