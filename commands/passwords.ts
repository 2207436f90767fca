/**
 * Login and pay passwords: argon2id, and five wrong guesses in a row lock for 15 minutes (promise S3). Guesses are
 * counted in SQL before they are looked at, so that parallel ones cannot slip by.
 */
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import { compare as bcryptCompare } from 'bcryptjs';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db/client.js';
import { passwordGuesses, users } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';

export type PasswordPurpose = 'login' | 'pay';

export const PASSWORD_LENGTH = { min: 6, max: 64 } as const;
const MAX_WRONG = 5;
const LOCK = sql`interval '15 minutes'`;

// OWASP's smallest argon2id setting: 19 MiB, two passes. The library's default algorithm is argon2id.
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const OUR_HASH = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/;

// A hash that somebody brings along must not cost us minutes or gigabytes at every guess: bcrypt has 4 to 14 rounds.
export const PASSWORD_HASH =
  /^\$(?:2[aby]\$(?:0[4-9]|1[0-4])\$[./0-9A-Za-z]{53}|argon2(?:id|i|d)\$v=(?:16|19)\$m=(\d{1,6}),t=(\d{1,2}),p=(\d{1,2})\$[+/0-9A-Za-z]{11,86}\$[+/0-9A-Za-z]{16,172})$/;
const MAX_ARGON2 = { memoryKib: 262_144, passes: 10, lanes: 16 } as const;

export function hashPassword(password: string): Promise<string> {
  return argon2Hash(password, ARGON2);
}

/** Whether a text is a bcrypt or argon2 hash that we are able and willing to verify. */
export function isPasswordHash(text: string): boolean {
  const parts = PASSWORD_HASH.exec(text);
  if (parts === null) return false;
  const [, memory = '0', passes = '0', lanes = '0'] = parts;
  return (
    Number(memory) <= MAX_ARGON2.memoryKib &&
    Number(passes) <= MAX_ARGON2.passes &&
    Number(lanes) <= MAX_ARGON2.lanes
  );
}

function matches(password: string, hash: string): Promise<boolean> {
  return hash.startsWith('$argon2') ? argon2Verify(hash, password) : bcryptCompare(password, hash);
}

const hashColumn = (purpose: PasswordPurpose) =>
  purpose === 'login' ? users.loginPasswordHash : users.payPasswordHash;

/**
 * Takes one of the five guesses, in one statement and before the guess is looked at. The fifth one locks at once;
 * if it turns out right, success takes the lock away again.
 * @returns undefined when there is no guess left, no such user, or no password
 */
export async function reserveGuess(
  db: Db,
  userId: string,
  purpose: PasswordPurpose,
): Promise<{ wrong: number; hash: string } | undefined> {
  const column = sql.identifier(hashColumn(purpose).name);
  const [row] = await db.execute<{ wrong: number; hash: string }>(sql`
    INSERT INTO password_guesses AS g (user_id, purpose, wrong)
      SELECT id, ${purpose}, 1 FROM users WHERE id = ${userId} AND ${column} IS NOT NULL
    ON CONFLICT (user_id, purpose) DO UPDATE SET
      wrong = CASE WHEN g.locked_until IS NULL THEN g.wrong + 1 ELSE 1 END,
      locked_until = CASE WHEN g.locked_until IS NULL AND g.wrong + 1 >= ${MAX_WRONG} THEN now() + ${LOCK} END
      WHERE g.locked_until IS NULL OR g.locked_until <= now()
    RETURNING wrong, (SELECT ${column} FROM users WHERE id = user_id) AS hash`);
  return row;
}

export async function resetGuesses(db: Db, userId: string, purpose: PasswordPurpose): Promise<void> {
  await db
    .delete(passwordGuesses)
    .where(and(eq(passwordGuesses.userId, userId), eq(passwordGuesses.purpose, purpose)));
}

async function whyNoGuess(db: Db, userId: string, purpose: PasswordPurpose): Promise<HoldfastError> {
  const [user] = await db
    .select({
      hash: hashColumn(purpose),
      lockedForSeconds: sql<number | null>`ceil(extract(epoch FROM locked_until - now()))::int`,
    })
    .from(users)
    .leftJoin(
      passwordGuesses,
      and(eq(passwordGuesses.userId, users.id), eq(passwordGuesses.purpose, purpose)),
    )
    .where(eq(users.id, userId));
  if (user === undefined) return new HoldfastError('user_not_found', { message: 'there is no such user' });
  if (user.hash === null) {
    return new HoldfastError('password_not_set', { message: `the user has no ${purpose} password` });
  }
  return new HoldfastError('password_locked', {
    message: 'too many wrong passwords: locked for 15 minutes',
    details: { retryAfterSeconds: Math.max(1, user.lockedForSeconds ?? 1) },
  });
}

// One guess at a time per user and purpose in this process: ten calls at once with the right password all succeed,
// instead of the sixth finding every guess taken. Between processes the count in SQL is the law.
const turns = new Map<string, Promise<unknown>>();

async function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  turns.set(key, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(key) === mine) turns.delete(key);
  }
}

/**
 * Resolves when the password is right. A hash that was brought along becomes argon2id at its first success.
 * @throws HoldfastError `wrong_password` (with `attemptsLeft`), `password_locked` (with `retryAfterSeconds`),
 *   `password_not_set`, `user_not_found`
 */
export async function verifyPassword(
  db: Db,
  userId: string,
  purpose: PasswordPurpose,
  password: string,
): Promise<void> {
  await inTurn(`${purpose}:${userId}`, async () => {
    const guess = await reserveGuess(db, userId, purpose);
    if (guess === undefined) throw await whyNoGuess(db, userId, purpose);
    if (!(await matches(password, guess.hash))) {
      throw new HoldfastError('wrong_password', {
        message: `the ${purpose} password is wrong`,
        details: { attemptsLeft: Math.max(0, MAX_WRONG - guess.wrong) },
      });
    }
    await resetGuesses(db, userId, purpose);
    if (!OUR_HASH.test(guess.hash)) await replaceHash(db, userId, purpose, guess.hash, password);
  });
}

/**
 * Sets a pay password: the first one as it is, a later one against the old one, which is guessed at like any.
 * @throws HoldfastError `wrong_password`, also when the old one is not named; `password_locked`, `user_not_found`
 */
export async function setPayPassword(
  db: Db,
  userId: string,
  { newPassword, oldPassword }: { newPassword: string; oldPassword: string | null },
): Promise<void> {
  const first = await payPasswordHashOf(db, userId);
  if (first !== null) {
    if (oldPassword === null) throw oldPasswordWrong();
    await verifyPassword(db, userId, 'pay', oldPassword);
  }
  // Verifying may have renewed the hash.
  const before = first === null ? null : await payPasswordHashOf(db, userId);
  const changed = await db
    .update(users)
    .set({ payPasswordHash: await hashPassword(newPassword) })
    .where(
      and(
        eq(users.id, userId),
        before === null ? isNull(users.payPasswordHash) : eq(users.payPasswordHash, before),
      ),
    )
    .returning({ id: users.id });
  // Another call has set one meanwhile.
  if (changed.length === 0) throw oldPasswordWrong();
}

/**
 * For calls that a pay password guards where there is one.
 * @throws HoldfastError `wrong_password`, also when it is not named; `password_locked`, `user_not_found`
 */
export async function verifyPayPasswordIfSet(
  db: Db,
  userId: string,
  password: string | undefined,
): Promise<void> {
  if ((await payPasswordHashOf(db, userId)) === null) return;
  if (password === undefined) {
    throw new HoldfastError('wrong_password', { message: 'the pay password is needed' });
  }
  await verifyPassword(db, userId, 'pay', password);
}

async function payPasswordHashOf(db: Db, userId: string): Promise<string | null> {
  const [user] = await db.select({ hash: users.payPasswordHash }).from(users).where(eq(users.id, userId));
  if (user === undefined) throw new HoldfastError('user_not_found', { message: 'there is no such user' });
  return user.hash;
}

function oldPasswordWrong(): HoldfastError {
  return new HoldfastError('wrong_password', { message: 'the old password is wrong' });
}

/** Only over the hash that was verified: a password that was changed meanwhile stays changed. */
async function replaceHash(
  db: Db,
  userId: string,
  purpose: PasswordPurpose,
  old: string,
  password: string,
): Promise<void> {
  const hash = await hashPassword(password);
  await db
    .update(users)
    .set(purpose === 'login' ? { loginPasswordHash: hash } : { payPasswordHash: hash })
    .where(and(eq(users.id, userId), eq(hashColumn(purpose), old)));
}
