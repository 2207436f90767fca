import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { apiKeys, idempotencyKeys } from '../db/schema.js';
import { HoldfastError } from '../domain/errors.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import type { Answer } from './endpoint.js';
import { type Repeatable, forgetOldKeys, onceOnly } from './idempotency.js';
import { ADMIN_KEY, type TestAnswer, type TestApp, startTestApp } from './test-support.js';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

beforeEach(async () => {
  await database.db.delete(idempotencyKeys);
  await database.db.delete(apiKeys);
});

const WISH = { name: 'shop', scopes: ['orders'] };

function makeKey(key: string, body: object = WISH, as = ADMIN_KEY): Promise<TestAnswer> {
  return api.send('POST', '/v1/api-keys', { as, body, headers: { 'idempotency-key': key } });
}

async function keysMade(): Promise<number> {
  return (await database.db.select().from(apiKeys)).length;
}

describe('the same Idempotency-Key', () => {
  it('replays the first answer to the same request, byte for byte, and does nothing a second time', async () => {
    const first = await makeKey('k1');
    const second = await makeKey('k1');
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(second.status).toBe(201);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.text).toBe(first.text);
    expect(await keysMade()).toBe(1);
  });

  it('takes the same fields in another order for the same request', async () => {
    const first = await makeKey('k1', { name: 'shop', scopes: ['orders'] });
    const second = await makeKey('k1', { scopes: ['orders'], name: 'shop' });
    expect(second.text).toBe(first.text);
  });

  it.each([
    ['another body', '/v1/api-keys', { name: 'other', scopes: ['orders'] }],
    ['another path', '/v1/api-keys?x=1', WISH],
  ])('is a conflict with %s', async (_what, path, body) => {
    await makeKey('k1');
    const answer = await api.send('POST', path, {
      as: ADMIN_KEY,
      body,
      headers: { 'idempotency-key': 'k1' },
    });
    expect(answer.status).toBe(409);
    expect(answer.json['code']).toBe('idempotency_conflict');
    expect(await keysMade()).toBe(1);
  });

  it('belongs to its caller: another one with the same key starts afresh', async () => {
    const admin = await makeKey('other-admin', { name: 'second admin', scopes: ['admin'] });
    const mine = await makeKey('k1');
    const theirs = await makeKey('k1', WISH, String(admin.json['key']));
    expect(theirs.status).toBe(201);
    expect(theirs.json['id']).not.toBe(mine.json['id']);
  });

  it('runs once when twenty come at the same time; the others hear that it is under way, or the answer', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => makeKey('k1')));
    for (const { status, json } of answers) {
      expect([201, 409]).toContain(status);
      if (status === 409) expect(json['code']).toBe('idempotency_in_progress');
    }
    expect(answers.some(({ status }) => status === 201)).toBe(true);
    expect(await keysMade()).toBe(1);
  });

  it.each(['', 'has space', 'tab\tinside', 'ключ', 'k'.repeat(256)])(
    'must be visible ASCII: %j is refused',
    async (key) => {
      // fetch itself refuses what no header can hold, so that one is sent percent-free as bytes.
      const header = Buffer.from(key, 'utf8').toString('latin1');
      const answer = await makeKey(header);
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ code: 'invalid_request', field: 'Idempotency-Key' });
    },
  );

  it('keeps no secret in plain text: neither the answer, nor what the body hashes to', async () => {
    const made = await makeKey('k1');
    const [row] = await database.db.select().from(idempotencyKeys);
    expect(JSON.stringify(row)).not.toContain(String(made.json['key']));
    expect(row?.body).toHaveProperty('sealed');
    const plainHashes = await database.db.execute<{ hash: string }>(
      sql`SELECT encode(sha256(${`post /v1/api-keys\n${JSON.stringify(WISH)}`}::bytea), 'hex') AS hash`,
    );
    expect(row?.fingerprint).not.toBe(plainHashes[0]?.hash);
  });
});

describe('answers that are not kept', () => {
  const base: Repeatable = {
    caller: 'user:alice',
    key: 'k1',
    credential: 'secret',
    method: 'post',
    url: '/v1/x',
    body: { a: 1 },
    secretAnswer: false,
  };

  it.each([401, 403, 423, 429, 500, 502, 503])('%i is run again', async (status) => {
    const answers: Answer[] = [{ status }, { status: 201, body: { n: 2 } }];
    const work = (): Promise<Answer> => Promise.resolve(answers.shift() ?? { status: 599 });
    expect((await onceOnly(database.db, base, work)).status).toBe(status);
    expect(await onceOnly(database.db, base, work)).toMatchObject({ status: 201, body: { n: 2 } });
    expect(await onceOnly(database.db, base, work)).toMatchObject({
      status: 201,
      headers: { 'Idempotent-Replayed': 'true' },
    });
  });

  it.each([400, 402, 404, 409, 422])('%i is an answer like any other', async (status) => {
    const answers: Answer[] = [{ status, body: { n: 1 } }];
    const work = (): Promise<Answer> => Promise.resolve(answers.shift() ?? { status: 599 });
    await onceOnly(database.db, base, work);
    expect(await onceOnly(database.db, base, work)).toMatchObject({
      status,
      body: { n: 1 },
      contentType: 'application/problem+json',
    });
  });

  it('keeps an answer without a body', async () => {
    await onceOnly(database.db, base, () => Promise.resolve({ status: 204 }));
    const replay = await onceOnly(database.db, base, () => Promise.resolve({ status: 599 }));
    expect(replay).toMatchObject({ status: 204, body: undefined });
  });

  it('tells another credential of the same caller that it differs, rather than what the first one got', async () => {
    await onceOnly(database.db, base, () => Promise.resolve({ status: 201, body: { secret: 1 } }));
    const other = { ...base, credential: 'a newer token' };
    await expect(onceOnly(database.db, other, () => Promise.resolve({ status: 201 }))).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
  });
});

describe('the lease', () => {
  const request: Repeatable = {
    caller: 'user:alice',
    key: 'k1',
    credential: 'secret',
    method: 'post',
    url: '/v1/x',
    body: undefined,
    secretAnswer: true,
  };

  async function expireLease(): Promise<void> {
    await database.db.update(idempotencyKeys).set({ leaseUntil: sql`lease_until - interval '31 seconds'` });
  }

  /** Work that is under way until it is told what to answer. */
  function pendingWork(): {
    run: () => Promise<Answer>;
    finish: (answer: Answer) => void;
    started: Promise<void>;
  } {
    let finish: (answer: Answer) => void = () => undefined;
    let begin: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const answer = new Promise<Answer>((resolve) => {
      finish = resolve;
    });
    return {
      run: () => {
        begin();
        return answer;
      },
      finish: (given) => finish(given),
      started,
    };
  }

  it('of a call that crashed is taken over after 30 s, and not before', async () => {
    const crashed = pendingWork();
    const first = onceOnly(database.db, request, crashed.run);
    await crashed.started;
    const early = onceOnly(database.db, request, () => Promise.resolve({ status: 201 }));
    await expect(early).rejects.toMatchObject({ code: 'idempotency_in_progress' });
    await expireLease();
    const second = await onceOnly(database.db, request, () =>
      Promise.resolve({ status: 201, body: { by: 'second' } }),
    );
    expect(second).toMatchObject({ status: 201, body: { by: 'second' } });
    // The first one was not dead after all: what it finds no longer changes what the key stands for.
    crashed.finish({ status: 201, body: { by: 'first' } });
    await first;
    const replay = await onceOnly(database.db, request, () => Promise.reject(new Error('ran again')));
    expect(replay).toMatchObject({ body: { by: 'second' }, headers: { 'Idempotent-Replayed': 'true' } });
  });

  it('is not taken over by another request', async () => {
    const crashed = pendingWork();
    const first = onceOnly(database.db, request, crashed.run);
    await crashed.started;
    await expireLease();
    const other = onceOnly(database.db, { ...request, body: { other: true } }, () =>
      Promise.resolve({ status: 201 }),
    );
    await expect(other).rejects.toBeInstanceOf(HoldfastError);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
    crashed.finish({ status: 201 });
    await first;
  });

  it('and its key are forgotten after a day', async () => {
    for (const key of ['old', 'young']) {
      await onceOnly(database.db, { ...request, key }, () => Promise.resolve({ status: 204 }));
    }
    await database.db
      .update(idempotencyKeys)
      .set({ createdAt: sql`now() - interval '25 hours'` })
      .where(eq(idempotencyKeys.key, 'old'));
    await forgetOldKeys(database.db);
    const left = await database.db.select({ key: idempotencyKeys.key }).from(idempotencyKeys);
    expect(left).toEqual([{ key: 'young' }]);
  });
});
