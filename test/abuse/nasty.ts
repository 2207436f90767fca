/** Bodies made of a document's own by mutation: never a 5xx, never HTML, never a change of money. */
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import type { Client } from '../../api/test-support.js';
import type { Db } from '../../db/client.js';
import { type Random, randomOf } from '../notifications/random.js';
import { FULL } from '../support/full.js';

const BODIES = FULL ? 20_000 : 1_000;
const AT_ONCE = 8;
const SEED = 20_261_130;

type Fields = Record<string, unknown>;

/** As JSON writes them, some of which no parser should take. */
const NASTY = [
  'null',
  'true',
  '0',
  '-1',
  '-0',
  '0.5',
  '1e21',
  '1e999',
  '9007199254740993',
  '10000000001',
  '""',
  '" "',
  '"0x10"',
  '"１２"',
  '"NaN"',
  '[]',
  '[1]',
  '{}',
  '{"$gt":""}',
  '{"__proto__":{"role":"operator"}}',
  '{"toString":1}',
  '"\\u0000"',
  '"\\ud83d"',
  '"\'; DROP TABLE orders; --"',
  '"<script>alert(1)</script>"',
  `"${'x'.repeat(5_000)}"`,
  `${'['.repeat(70)}${']'.repeat(70)}`,
  '"未支付"',
  '{"type":0,"id":1}',
  '"{type:99}"',
] as const;

/** A body as text, one to three of whose fields are not what they were. */
function mutated(random: Random, body: Fields, names: readonly string[]): string {
  const fields = new Map(Object.entries(body).map(([name, value]) => [name, JSON.stringify(value)]));
  for (let time = 1 + random.below(3); time > 0; time -= 1) {
    const name = random.pick([...fields.keys(), random.pick(names)]);
    if (random.chance(0.2)) fields.delete(name);
    else fields.set(name, random.pick(NASTY));
  }
  const text = `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  // Sometimes it breaks off.
  return random.chance(0.05) ? text.slice(0, random.below(text.length)) : text;
}

export interface NastyTarget {
  api: Client;
  db: Db;
  /** Bodies by path. No mutation of them may be one that rightly moves money. */
  samples: Record<string, Fields>;
  /** Sent with every second call. */
  token: string;
  /** Whether an answer is in the dialect's shape. */
  isOurs: (json: Fields) => boolean;
}

const moneyNow = (db: Db): Promise<unknown> =>
  db.execute(sql`SELECT count(*) AS entries, COALESCE(sum(abs(amount)), 0) AS sum FROM entries`);

/** Declares the test. @param open asked once it runs */
export function testNastyBodies(open: () => Promise<NastyTarget>): void {
  it(
    `M1 ${BODIES} bodies that are nearly the document’s never fail on our side, are never answered by a page, and move no money`,
    async () => {
      const { api, db, samples, token, isOurs } = await open();
      const random = randomOf(SEED);
      const paths = Object.keys(samples);
      const names = [...new Set(Object.values(samples).flatMap((body) => Object.keys(body)))];
      const before = await moneyNow(db);
      const wrong: string[] = [];
      let left = BODIES;
      const walker = async (): Promise<void> => {
        for (; left > 0;) {
          left -= 1;
          const path = random.pick(paths);
          const raw = mutated(random, samples[path] ?? {}, names);
          const answer = await api.send('POST', path, {
            raw,
            as: random.chance(0.5) ? token : undefined,
            headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' },
          });
          const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
          const isGood = answer.status < 500 && isJson && isOurs(answer.json);
          if (!isGood) wrong.push(`${path} ${raw}: ${answer.status} ${answer.text}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, walker));
      expect(wrong).toEqual([]);
      expect(await moneyNow(db)).toEqual(before);
    },
    FULL ? 600_000 : 120_000,
  );
}
