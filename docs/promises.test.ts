/** promises.md leaves out no promise, and each test that it names carries the promise's id. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, codes, read, tableRows } from './test-support.js';

const IDS = 'M1 M2 M3 M4 M5 M6 M7 M8 M9 W1 W2 W3 W4 W5 W6 W7 T1 T2 T3 T4 T5 T6 S1 S2 S3 S4 S5 S6 S7'.split(
  ' ',
);
/** Nothing that they are about exists yet. */
const NOT_YET: string[] = [];

const rows = tableRows(read('docs/promises.md')).slice(1);

/** Whether a test's or a group's name has the id: a text in quotes, not a comment. */
function isNamedIn(file: string, id: string): boolean {
  const code = read(file).replace(/^\s*(?:\/\/|\/?\*).*$/gm, '');
  const texts = [...code.matchAll(/(['"`])((?:(?!\1).)*)\1/g)];
  return texts.some(([, , text]) => new RegExp(`\\b${id}\\b`).test(text ?? ''));
}

describe('the table of promises', () => {
  it('has every promise once', () => {
    expect(rows.map(([id]) => id)).toEqual(IDS);
  });

  it.each(rows.map(([id = '', , tests = '', seen = '']) => [id, codes(tests), seen] as const))(
    '%s: has tests that carry its id, and a figure',
    (id, tests, seen) => {
      expect(seen).not.toBe('');
      expect(tests.length > 0).toBe(!NOT_YET.includes(id));
      expect(tests.filter((file) => !existsSync(path.join(ROOT, file)))).toEqual([]);
      expect(tests.filter((file) => !isNamedIn(file, id))).toEqual([]);
    },
  );
});
