/** Bodies made of the document's own by mutation: never a 5xx, never HTML, never a change of money. */
import { readFile } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Random, randomOf } from '../notifications/random.js';
import { FULL } from '../support/full.js';
import { BUYER, type Market, SELLER, openMarket } from '../support/market.js';

const BODIES = FULL ? 20_000 : 1_000;
const AT_ONCE = 8;
const SEED = 20_261_130;

type Fields = Record<string, unknown>;

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(() => market.close());

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

/** No mutation of these can move money: the password is wrong, and no order of theirs is paid. */
async function samples(): Promise<Record<string, Fields>> {
  const path = new URL('../../api/dialects/market/golden/document.json', import.meta.url);
  const golden = JSON.parse(await readFile(path, 'utf8')) as Record<string, { request: Fields }>;
  const oid = String((await market.newOrder({ chatId: 'room_fuzz' }))['_id']);
  const places: Record<string, string> = {
    $buyer: BUYER,
    $seller: SELLER,
    $buyerToken: market.tokens.buyer,
    $payPass: 'not-the-password',
    $loginPass: 'not-the-password',
    $chat: 'room_fuzz',
  };
  return Object.fromEntries(
    Object.entries(golden).map(([name, { request }]) => [
      name,
      Object.fromEntries(
        Object.entries(request).map(([field, value]) => [
          field,
          typeof value === 'string' && value.startsWith('$') ? (places[value] ?? oid) : value,
        ]),
      ),
    ]),
  );
}

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

async function moneyNow(): Promise<unknown> {
  return market.stage.db.execute(
    sql`SELECT count(*) AS entries, COALESCE(sum(abs(amount)), 0) AS sum FROM entries`,
  );
}

describe(`${BODIES} bodies that are nearly the document’s`, () => {
  it(
    'M1 never fail on our side, are never answered by a page, and move no money',
    async () => {
      const random = randomOf(SEED);
      const bodies = await samples();
      const calls = Object.keys(bodies);
      const names = [...new Set(Object.values(bodies).flatMap((body) => Object.keys(body)))];
      const before = await moneyNow();
      const wrong: string[] = [];
      let left = BODIES;
      const walker = async (): Promise<void> => {
        for (; left > 0;) {
          left -= 1;
          const name = random.pick(calls);
          const raw = mutated(random, bodies[name] ?? {}, names);
          const answer = await market.api.send('POST', `/api/v1/${name}`, {
            raw,
            as: random.chance(0.5) ? market.tokens.buyer : undefined,
            headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' },
          });
          const isOurs = typeof answer.json?.['success'] === 'boolean';
          const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
          if (answer.status >= 500 || !isOurs || !isJson)
            wrong.push(`${name} ${raw}: ${answer.status} ${answer.text}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, walker));
      expect(wrong).toEqual([]);
      expect(await moneyNow()).toEqual(before);
    },
    FULL ? 600_000 : 120_000,
  );
});
