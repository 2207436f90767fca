/** Texts that mean something to a database, a template or a shell: they are texts here, in every field. */
import { isDeepStrictEqual } from 'node:util';
import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TestAnswer } from '../../api/test-support.js';
import { api, database, tokens } from '../../api/v1/test-support.js';
import { outcomeOf } from './problems.js';
import { ADMIN_KEY, type Samples, eachTextReplaced, loadSamples } from './samples.js';
import { changingNothing, snapshotOf } from './snapshot.js';

/** A statement that waits for longer than any of these tests may take. */
const SLEEP = 'pg_sleep(30)';
const AT_MOST_MS = 10_000;

const INJECTIONS = [
  `'; DROP TABLE users CASCADE; --`,
  `'||(SELECT ${SLEEP})||'`,
  `\\'"; DELETE FROM "orders"; --`,
  `$1$$;SELECT/**/${SLEEP};$$`,
  `%' AND 1=CAST((SELECT version()) AS int) --`,
  `{"$gt":""}`,
  '${7*7}{{7*7}}<%= 7*7 %>`id`;$(id)|id',
  `../../etc/passwd\r\nSet-Cookie: admin=1\r\n\r\n<script>alert(1)</script>`,
] as const;

let samples: Samples;

beforeAll(async () => {
  samples = await loadSamples(api, database.db);
});

/** Whether a text stands in the answer as it came. Passwords go in and never come out. */
function isShown({ json }: TestAnswer, at: string, text: string): boolean {
  return /password/i.test(at) || JSON.stringify(json).includes(JSON.stringify(text).slice(1, -1));
}

/** Every text of one route's body, one after the other. @returns what went otherwise than it should */
async function attack(route: string, text: string): Promise<string[]> {
  const sample = samples.of(route);
  const found: string[] = [];
  for (const { at, value } of eachTextReplaced(sample.body, text)) {
    const { password_guesses: _before, ...before } = await snapshotOf(database.db);
    const answer = await api.admin(sample.method, sample.path, value);
    const { password_guesses: _after, ...after } = await snapshotOf(database.db);
    const outcome = outcomeOf(answer);
    // A repeat of what is decided is accepted too, and its reason is nobody's.
    const isChanged = !isDeepStrictEqual(after, before);
    const isFine = answer.status < 400 ? !isChanged || isShown(answer, at, text) : !isChanged;
    if (!isFine || answer.status >= 500) found.push(`${route} ${at}: ${outcome}: ${answer.text}`);
  }
  return found;
}

describe('a text of a body', () => {
  it.each(INJECTIONS)('%j, is stored as it is or refused', async (text) => {
    const startedAt = performance.now();
    const found: string[] = [];
    for (const route of samples.routes) found.push(...(await attack(route, text)));
    expect(found).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(AT_MOST_MS);
  });

  it('has dropped no table and no user on the way', async () => {
    const [{ users } = { users: '' }] = await database.db.execute<{ users: string }>(
      sql`SELECT string_agg(id, ' ' ORDER BY id) AS users FROM users`,
    );
    expect(users).toBe('alice bob oscar sally zoe');
  });
});

describe('a text of a path, a query or a header', () => {
  const cursor = (text: string): string => Buffer.from(JSON.stringify(text)).toString('base64url');

  it.each(INJECTIONS)('%j, is refused', (text) =>
    changingNothing(database.db, async () => {
      const encoded = encodeURIComponent(text);
      const startedAt = performance.now();
      for (const path of [
        `/v1/users/${encoded}`,
        `/v1/orders/${encoded}`,
        `/v1/payments/${encoded}`,
        `/v1/refunds/${encoded}`,
        `/v1/wallets/${encoded}`,
        `/v1/settings/${encoded}`,
        `/v1/catalog/shop-orders/${encoded}`,
        `/v1/orders?buyerId=${encoded}`,
        `/v1/orders?status=${encoded}`,
        `/v1/orders?limit=${encoded}`,
        `/v1/orders?cursor=${cursor(text)}`,
        `/v1/settings?cursor=${cursor(text)}`,
        `/v1/catalog/shop-orders?cursor=${cursor(text)}`,
        `/v1/api-keys?cursor=${cursor(text)}`,
        `/v1/sms?mobile=${encoded}`,
        `/v1/operator-items?kind=${encoded}`,
      ]) {
        const outcome = outcomeOf(await api.admin('GET', path));
        expect({ path, outcome }).toEqual({ path, outcome: '400 invalid_request' });
      }
      expect(performance.now() - startedAt).toBeLessThan(AT_MOST_MS);
    }),
  );

  it.each(INJECTIONS.filter((text) => !/[\r\n]/.test(text)))('%j, is no credential', (text) =>
    changingNothing(database.db, async () => {
      for (const credential of [
        text,
        `hf_tok_${text}`,
        `${ADMIN_KEY}${text}`,
        `${tokens['alice'] ?? ''}${text}`,
      ]) {
        for (const headers of [{ authorization: `Bearer ${credential}` }, { 'x-api-key': credential }]) {
          const answer = await api.send('GET', '/v1/users/alice', { headers });
          expect(outcomeOf(answer)).toBe('401 unauthenticated');
        }
      }
    }),
  );

  it.each(INJECTIONS.filter((text) => /^[\x21-\x7e]+$/.test(text)))(
    '%j, is an Idempotency-Key like any other',
    async (text) => {
      const headers = { 'idempotency-key': text };
      const body = { name: 'shop', scopes: ['orders'] };
      const first = await api.admin('POST', '/v1/api-keys', body, headers);
      const again = await api.admin('POST', '/v1/api-keys', body, headers);
      expect([first.status, again.text]).toEqual([201, first.text]);
    },
  );
});
