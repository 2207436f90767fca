import bcrypt from 'bcryptjs';
import { hash as argon2Hash } from '@node-rs/argon2';
import { and, eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { passwordGuesses, users } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { hashPassword, isPasswordHash, reserveGuess, resetGuesses, verifyPassword } from './passwords.js';

let database: TestDatabase;
let ours: string;

beforeAll(async () => {
  database = await freshDatabase();
  ours = await hashPassword('right-one');
});

afterAll(async () => {
  await database.close();
});

beforeEach(async () => {
  await database.db.delete(passwordGuesses);
  await database.db
    .insert(users)
    .values({ id: 'alice', name: 'Alice', payPasswordHash: ours })
    .onConflictDoUpdate({ target: users.id, set: { payPasswordHash: ours, loginPasswordHash: null } });
});

/** The code of the error that a guess ends with, or `ok`. */
async function guess(password: string, purpose: 'pay' | 'login' = 'pay', userId = 'alice'): Promise<string> {
  try {
    await verifyPassword(database.db, userId, purpose, password);
    return 'ok';
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
}

function counted(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function storedHash(): Promise<string | null | undefined> {
  const [user] = await database.db.select().from(users).where(eq(users.id, 'alice'));
  return user?.payPasswordHash;
}

describe('S3: five wrong guesses lock', () => {
  it('evaluates five of 100 wrong guesses that come at once, and none after them', async () => {
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => guess(`wrong-${n}`)));
    expect(counted(outcomes)).toEqual({ wrong_password: 5, password_locked: 95 });
    expect(await guess('right-one')).toBe('password_locked');
  });

  it('hands out five guesses to 100 processes that ask at once', async () => {
    const taken = await Promise.all(
      Array.from({ length: 100 }, () => reserveGuess(database.db, 'alice', 'pay')),
    );
    expect(taken.filter((one) => one !== undefined)).toHaveLength(5);
  });

  it('lets 20 calls at once with the right password through', async () => {
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => guess('right-one')));
    expect(counted(outcomes)).toEqual({ ok: 20 });
  });

  it('starts counting anew after a right guess, also as the fifth', async () => {
    for (let n = 0; n < 4; n++) expect(await guess('wrong-one')).toBe('wrong_password');
    expect(await guess('right-one')).toBe('ok');
    for (let n = 0; n < 4; n++) expect(await guess('wrong-one')).toBe('wrong_password');
    expect(await guess('right-one')).toBe('ok');
  });

  it('locks one purpose and not the other', async () => {
    await database.db.update(users).set({ loginPasswordHash: ours });
    for (let n = 0; n < 5; n++) await guess('wrong-one');
    expect(await guess('right-one', 'login')).toBe('ok');
    expect(await guess('right-one', 'pay')).toBe('password_locked');
  });

  it('says how many guesses are left, and for how long it is locked', async () => {
    const wrong = await verifyPassword(database.db, 'alice', 'pay', 'nope-nope').catch(
      (error: unknown) => error,
    );
    expect(wrong).toMatchObject({ code: 'wrong_password', details: { attemptsLeft: 4 } });
    for (let n = 0; n < 4; n++) await guess('wrong-one');
    const locked = await verifyPassword(database.db, 'alice', 'pay', 'right-one').catch(
      (error: unknown) => error,
    );
    expect(locked).toMatchObject({ code: 'password_locked' });
    const seconds = (locked as HoldfastError).details['retryAfterSeconds'];
    expect(seconds).toBeGreaterThan(890);
    expect(seconds).toBeLessThanOrEqual(900);
  });

  it('gives five new guesses once the 15 minutes are over, and no more', async () => {
    for (let n = 0; n < 5; n++) await guess('wrong-one');
    await database.db
      .update(passwordGuesses)
      .set({ lockedUntil: sql`locked_until - interval '15 minutes'` })
      .where(and(eq(passwordGuesses.userId, 'alice'), eq(passwordGuesses.purpose, 'pay')));
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => guess('wrong-one')));
    expect(counted(outcomes)).toEqual({ wrong_password: 5, password_locked: 15 });
    await resetGuesses(database.db, 'alice', 'pay');
    expect(await guess('right-one')).toBe('ok');
  });

  it('keeps no count for who has no password, or does not exist', async () => {
    expect(await guess('whatever', 'login')).toBe('password_not_set');
    expect(await guess('whatever', 'pay', 'nobody')).toBe('user_not_found');
    expect(await database.db.select().from(passwordGuesses)).toEqual([]);
  });
});

describe('hashes that were brought along', () => {
  it.each([
    ['bcrypt', () => bcrypt.hash('right-one', 4)],
    ['argon2id of another cost', () => argon2Hash('right-one', { memoryCost: 8_192, timeCost: 3 })],
  ])('verifies %s and makes it our own argon2id at the first success', async (_name, made) => {
    const brought = await made();
    expect(isPasswordHash(brought)).toBe(true);
    await database.db.update(users).set({ payPasswordHash: brought });
    expect(await guess('wrong-one')).toBe('wrong_password');
    expect(await storedHash()).toBe(brought);
    expect(await guess('right-one')).toBe('ok');
    expect(await storedHash()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await guess('right-one')).toBe('ok');
  });

  it.each([
    ['no hash at all', 'secret'],
    ['MD5', '$1$salt$qJH7.N4xYta3aEG/dfqo/0'],
    ['bcrypt that takes minutes', `$2a$31$${'a'.repeat(53)}`],
    ['argon2 that takes gigabytes', `$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQxMjM$${'a'.repeat(43)}`],
    ['a hash with something after it', `$2a$10$${'a'.repeat(53)}\n`],
  ])('refuses %s', (_name, text) => {
    expect(isPasswordHash(text)).toBe(false);
  });
});
