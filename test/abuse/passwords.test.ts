/** S3: guessing at a pay password through every door that takes one, all at once. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type SendOptions, type TestApp, startTestApp } from '../../api/test-support.js';
import { api, database, keys, tokens } from '../../api/v1/test-support.js';
import { hashPassword } from '../../commands/passwords.js';
import { idempotencyKeys, passwordGuesses, users } from '../../db/schema.js';
import { giveCash, insertOrder } from '../support/world.js';
import { outcomeOf } from './problems.js';
import { changingNothing } from './snapshot.js';

const RIGHT = '246810';
const GUESSES = 100;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Another process over the same database, as behind a load balancer. */
let second: TestApp;
let paths: string[];

beforeAll(async () => {
  second = await startTestApp(database.db);
  await giveCash(database.db, 'alice', 1_000_000);
});
afterAll(() => second.close());

beforeEach(async () => {
  const { db } = database;
  await db.delete(passwordGuesses);
  await db.update(users).set({ payPasswordHash: await hashPassword(RIGHT) });
  const made = [1, 2, 3].map(() => insertOrder(db, { buyerId: 'alice', sellerId: 'sally' }));
  paths = (await Promise.all(made)).map(({ id }) => `/v1/orders/${id}/payments`);
});

const wrong = (n: number): string => String(100_000 + n);
const wallet = (payPassword: string): object => ({ channel: 'wallet', payPassword });

const withdrawal = (payPassword: string): object => ({
  userId: 'alice',
  amount: 100,
  payPassword,
  account: { channel: 'alipay', no: 'alice@example.com', name: 'Alice' },
});

/** Every way in which a password comes: who sends it, as what, with which headers, and where, if not to an order. */
const DOORS: readonly [what: string, options: (password: string, n: number) => SendOptions, path?: string][] =
  [
    ['the buyer', (password) => ({ as: tokens['alice'], body: wallet(password) })],
    ['a back end', (password) => ({ as: keys['orders'], body: wallet(password) })],
    [
      'a form',
      (password) => ({ as: tokens['alice'], raw: `channel=wallet&payPassword=${password}`, headers: FORM }),
    ],
    [
      'an Idempotency-Key of its own',
      (password, n) => ({
        as: tokens['alice'],
        body: wallet(password),
        headers: { 'idempotency-key': `guess-${n}` },
      }),
    ],
    [
      'one Idempotency-Key for all',
      (password) => ({
        as: tokens['alice'],
        body: wallet(password),
        headers: { 'idempotency-key': 'guess' },
      }),
    ],
    [
      'a forged address',
      (password, n) => ({
        as: tokens['alice'],
        body: wallet(password),
        headers: { 'x-forwarded-for': `203.0.113.${n}` },
      }),
    ],
    ['a withdrawal', (password) => ({ as: tokens['alice'], body: withdrawal(password) }), '/v1/withdrawals'],
    [
      'a back end’s withdrawal',
      (password) => ({ as: keys['orders'], body: withdrawal(password) }),
      '/v1/withdrawals',
    ],
  ];

async function guess(password: string, n: number, doors = DOORS): Promise<string> {
  const door = doors[n % doors.length];
  const options = door?.[1](password, n) ?? {};
  const path = door?.[2] ?? paths[n % paths.length] ?? '';
  return outcomeOf(await (n % 2 === 0 ? api : second).send('POST', path, options));
}

function counted(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const rightOne = async (): Promise<string> =>
  outcomeOf(await api.send('POST', paths[0] ?? '', { as: tokens['alice'], body: wallet(RIGHT) }));

describe('S3: a hundred guesses at once', () => {
  it('through all doors, by two processes, over three orders, get five looks', () =>
    changingNothing(
      database.db,
      async () => {
        const all = Array.from({ length: GUESSES }, (_, n) => guess(wrong(n), n));
        const found = counted(await Promise.all(all));
        expect(found['403 wrong_password']).toBe(5);
        // Those under one Idempotency-Key also hear that it is taken; no guess of theirs was looked at then.
        const refused = [
          '403 wrong_password',
          '423 password_locked',
          '409 idempotency_in_progress',
          '409 idempotency_conflict',
        ];
        expect(Object.keys(found).filter((outcome) => !refused.includes(outcome))).toEqual([]);
        expect(await rightOne()).toBe('423 password_locked');
      },
      'password_guesses',
    ));

  it.each(DOORS)('through %s alone', (...door) =>
    changingNothing(
      database.db,
      async () => {
        const all = Array.from({ length: GUESSES / 5 }, (_, n) => guess(wrong(n), n, [door]));
        expect(counted(await Promise.all(all))['403 wrong_password'] ?? 0).toBeLessThanOrEqual(5);
        for (let n = 0; n < 5; n++) await guess(wrong(n), n, [door]);
        expect(await rightOne()).toBe('423 password_locked');
      },
      'password_guesses',
    ),
  );
});

describe('S3: a lock', () => {
  async function lock(): Promise<void> {
    for (let n = 0; n < 5; n++) await guess(wrong(n), 0);
  }

  it('says when to come back, and nothing of the password', async () => {
    await lock();
    const answer = await api.send('POST', paths[0] ?? '', { as: tokens['alice'], body: wallet(RIGHT) });
    expect(outcomeOf(answer)).toBe('423 password_locked');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(890);
    expect(answer.text).not.toContain(RIGHT);
  });

  it('is not lifted by the buyer, nor by another order, nor by a new token', async () => {
    await lock();
    const minted = await api.admin('POST', '/v1/users/alice/tokens');
    const token = String(minted.json['accessToken']);
    const newPassword = { name: 'alice', payPassword: '135791' };
    const byBuyer = await api.send('PUT', '/v1/users/alice', { as: token, body: newPassword });
    expect(outcomeOf(byBuyer)).toBe('403 forbidden');
    for (const path of paths) {
      const answer = await api.send('POST', path, { as: token, body: wallet(RIGHT) });
      expect(outcomeOf(answer)).toBe('423 password_locked');
    }
  });

  it('is lifted by a new password of the back end', async () => {
    await lock();
    await api.admin('PUT', '/v1/users/alice', { name: 'alice', payPassword: '135791' });
    const answer = await api.send('POST', paths[0] ?? '', { as: tokens['alice'], body: wallet('135791') });
    expect(outcomeOf(answer)).toBe('201');
  });

  it('of one buyer is no other’s', async () => {
    await lock();
    const order = await insertOrder(database.db, { buyerId: 'bob', sellerId: 'sally' });
    const path = `/v1/orders/${order.id}/payments`;
    const answer = await api.send('POST', path, { as: tokens['bob'], body: wallet(RIGHT) });
    expect(outcomeOf(answer)).toBe('402 insufficient_funds');
  });
});

describe('S3: a guess', () => {
  it('is not answered from the store of repeats: the same key is looked at again', async () => {
    const headers = { 'idempotency-key': 'once-more' };
    const send = (password: string) =>
      api.send('POST', paths[0] ?? '', { as: tokens['alice'], body: wallet(password), headers });
    expect(outcomeOf(await send(wrong(1)))).toBe('403 wrong_password');
    expect(outcomeOf(await send(RIGHT))).toBe('201');
    const kept = await database.db.select().from(idempotencyKeys);
    expect(JSON.stringify(kept)).not.toContain(RIGHT);
  });

  it.each([
    ['left out', { channel: 'wallet' }],
    ['null', { channel: 'wallet', payPassword: null }],
    ['empty', wallet('')],
    ['too long', wallet('1'.repeat(65))],
    ['a number', { channel: 'wallet', payPassword: Number(RIGHT) }],
    ['a list', { channel: 'wallet', payPassword: [RIGHT] }],
    ['an object', { channel: 'wallet', payPassword: { $ne: '' } }],
    ['with NUL behind it', wallet(`${RIGHT}\u0000`)],
  ])('that is %s costs none of the five', (_what, body) =>
    changingNothing(database.db, async () => {
      const answer = await api.send('POST', paths[0] ?? '', { as: tokens['alice'], body });
      expect(outcomeOf(answer)).toBe('400 invalid_request');
    }),
  );

  it('by somebody who is not the buyer is never looked at', () =>
    changingNothing(database.db, async () => {
      for (const as of [tokens['bob'], tokens['sally'], tokens['oscar'], keys['operate']]) {
        const answer = await api.send('POST', paths[0] ?? '', { as, body: wallet(RIGHT) });
        expect(['403 forbidden', '404 order_not_found']).toContain(outcomeOf(answer));
      }
    }));
});
