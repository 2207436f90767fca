import { eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { accountEvents, idempotencyKeys, withdrawals } from '../../db/schema.js';
import { rejectWithdrawal } from '../../ledger/withdrawals.js';
import { bucketsOf, decision } from '../../test/support/withdrawals.js';
import { type TestAnswer, allRows } from '../test-support.js';
import { account, api, ask, database, decide, keys, limit, tokens } from './test-withdrawals.js';

describe('POST /v1/withdrawals', () => {
  it('answers 201 with the withdrawal, and its money is frozen', async () => {
    const before = await bucketsOf(database.db, 'sally');
    const { status, json } = await ask();
    expect(status).toBe(201);
    expect(json).toMatchObject({
      userId: 'sally',
      amount: 500,
      status: 'requested',
      account,
      requestedBy: 'user:sally',
      approvalsNeeded: 1,
      approvedBy: [],
      decidedBy: null,
      providerPayoutNo: null,
    });
    expect(json['id']).toMatch(/^[0-9a-f]{24}$/);
    const wallet = await api.send('GET', '/v1/wallets/sally', { as: tokens['sally'] });
    expect(wallet.json).toMatchObject({
      withdrawable: before.withdrawable - 500,
      frozen: before.frozen + 500,
    });
  });

  it('M3 the same Idempotency-Key twice, or many times at once, is one withdrawal', async () => {
    const first = await ask({}, tokens['sally'], 'key-1');
    const again = await ask({}, tokens['sally'], 'key-1');
    expect([again.status, again.json['id']]).toEqual([201, first.json['id']]);
    expect((await ask({ amount: 501 }, tokens['sally'], 'key-1')).json['code']).toBe('idempotency_conflict');
    const before = await database.db.select().from(withdrawals);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({}, tokens['sally'], 'key-2')));
    for (const answer of answers) expect([201, 409]).toContain(answer.status);
    expect(await database.db.select().from(withdrawals)).toHaveLength(before.length + 1);
  });

  it('T5 a repeat after a call that died without an answer is the same withdrawal', async () => {
    const first = await ask({}, tokens['sally'], 'key-3');
    // As it is when the process ends between the commit and the answer.
    await database.db
      .update(idempotencyKeys)
      .set({ status: null, body: null, leaseUntil: new Date(0) })
      .where(eq(idempotencyKeys.key, 'key-3'));
    expect((await ask({}, tokens['sally'], 'key-3')).json['id']).toBe(first.json['id']);
  });

  it.each<[string, object, number, string, string | undefined]>([
    ['no user', { userId: undefined }, 400, 'invalid_request', 'userId'],
    ['nothing', { amount: 0 }, 400, 'invalid_request', 'amount'],
    ['a negative amount', { amount: -500 }, 400, 'invalid_request', 'amount'],
    ['a fraction', { amount: 1.5 }, 400, 'invalid_request', 'amount'],
    ['text', { amount: '500' }, 400, 'invalid_request', 'amount'],
    ['no pay password', { payPassword: undefined }, 400, 'invalid_request', 'payPassword'],
    ['a wallet', { account: { ...account, channel: 'wallet' } }, 400, 'invalid_request', 'account.channel'],
    ['blanks in the number', { account: { ...account, no: 'a b' } }, 400, 'invalid_request', 'account.no'],
    ['no name', { account: { ...account, name: ' ' } }, 400, 'invalid_request', 'account.name'],
    [
      'a channel without credentials',
      { account: { ...account, channel: 'wechat' } },
      422,
      'channel_not_configured',
      undefined,
    ],
    ['less than the least', { amount: 9 }, 422, 'withdrawal_limit', undefined],
    ['more than the most', { amount: 20_000_001 }, 422, 'withdrawal_limit', undefined],
    ['a wrong pay password', { payPassword: 'wrong-one' }, 403, 'wrong_password', undefined],
  ])('refuses %s', async (_what, change, status, code, field) => {
    const answer = await ask(change);
    expect([answer.status, answer.json['code'], answer.json['field']]).toEqual([status, code, field]);
    // One right guess takes the wrong one away.
    await ask({ amount: 9 });
  });

  it('M3 refuses more than can be withdrawn', async () => {
    const { withdrawable } = await bucketsOf(database.db, 'bob');
    await Promise.all(['max', 'perDay'].map((name) => limit(name, 1_000_000_000)));
    const answer = await ask({ userId: 'bob', amount: withdrawable + 1 }, tokens['bob']);
    expect([answer.status, answer.json['code']]).toEqual([402, 'insufficient_funds']);
    await Promise.all([limit('max', 20_000_000), limit('perDay', 50_000_000)]);
  });

  it('reads its limits from the settings', async () => {
    await limit('min', 600);
    expect((await ask()).json).toMatchObject({ code: 'withdrawal_limit', reason: 'too_little', limit: 600 });
    await limit('min', 10);
    await limit('autoApprove', 500);
    expect((await ask()).json).toMatchObject({ status: 'approved', approvalsNeeded: 0, decidedBy: 'system' });
    await limit('autoApprove', 0);
    await limit('twoOperators', 400);
    expect((await ask()).json).toMatchObject({ approvalsNeeded: 2 });
    await limit('twoOperators', 5_000_000);
  });

  it.each<[string, () => string | undefined, number]>([
    ['a back end for orders', () => keys['orders'], 201],
    ['a back end that only decides', () => keys['withdrawals:decide'], 403],
    ['another user', () => tokens['bob'], 403],
    ['an operator', () => tokens['oscar'], 403],
  ])('S1 of %s', async (_who, as, status) => {
    expect((await ask({}, as())).status).toBe(status);
  });

  it('S3 checks the pay password of the user, also for a back end', async () => {
    const answer = await ask({ payPassword: 'wrong-one' }, keys['orders']);
    expect([answer.status, answer.json['code']]).toEqual([403, 'wrong_password']);
    await ask({ amount: 9 });
  });

  it('S4 keeps the account and its name out of the log and of what merchants are told', async () => {
    const { json } = await ask();
    await decide(json['id'], 'approve');
    expect(api.logs()).not.toContain(account.no);
    expect(api.logs()).not.toContain(account.name);
    const told = await database.db
      .select()
      .from(accountEvents)
      .where(eq(accountEvents.ref, String(json['id'])));
    expect(told.map(({ type }) => type)).toEqual(['withdrawal.requested', 'withdrawal.approved']);
    expect(JSON.stringify(told)).not.toMatch(/sally@|韩梅梅/);
  });
});

describe('PUT /v1/users/{id}/payout-account', () => {
  const put = (as: string | undefined, user = 'alice'): Promise<TestAnswer> =>
    api.send('PUT', `/v1/users/${user}/payout-account`, {
      as,
      body: { ...account, no: 'alice@example.com' },
    });

  it('stores where withdrawals go that name no account', async () => {
    const without = { userId: 'alice', account: undefined };
    expect((await ask(without, tokens['alice'])).json).toMatchObject({
      status: 409,
      code: 'payout_account_not_set',
    });
    expect((await put(tokens['alice'])).json).toMatchObject({ channel: 'alipay', no: 'alice@example.com' });
    expect((await ask(without, tokens['alice'])).json).toMatchObject({
      account: { channel: 'alipay', no: 'alice@example.com' },
    });
    // What is under way stays on its way.
    expect((await put(keys['users'])).status).toBe(200);
  });

  it('is for the user and for back ends, about users that there are', async () => {
    expect((await put(tokens['bob'])).status).toBe(403);
    expect((await put(keys['orders'])).status).toBe(403);
    expect((await put(keys['users'], 'nobody')).json).toMatchObject({ status: 404, code: 'user_not_found' });
  });
});

describe('POST /v1/withdrawals/{id}/approve and /reject', () => {
  it('approve answers the withdrawal, repeats answer the same, and a rejection is refused', async () => {
    const { json } = await ask();
    const approved = await decide(json['id'], 'approve');
    expect(approved.status).toBe(200);
    expect(approved.json).toMatchObject({ status: 'approved', decision: 'approved' });
    expect((await decide(json['id'], 'approve', {}, tokens['oscar'])).json).toEqual(approved.json);
    const rejected = await decide(json['id'], 'reject', { reason: 'too late' });
    expect(rejected.json).toMatchObject({ status: 409, code: 'withdrawal_decided' });
  });

  it('reject takes a reason, gives the money back, and repeats answer the same', async () => {
    const before = await bucketsOf(database.db, 'sally');
    const { json } = await ask();
    expect((await decide(json['id'], 'reject')).json).toMatchObject({ code: 'invalid_request' });
    const rejected = await decide(json['id'], 'reject', { reason: 'looks odd' }, tokens['oscar']);
    expect(rejected.json).toMatchObject({
      status: 'rejected',
      decidedBy: 'user:oscar',
      decision: 'looks odd',
    });
    expect((await decide(json['id'], 'reject', { reason: 'again' })).json).toEqual(rejected.json);
    expect((await decide(json['id'], 'approve')).json).toMatchObject({ code: 'withdrawal_decided' });
    expect(await bucketsOf(database.db, 'sally')).toEqual(before);
  });

  it('two operators approve what is above the limit, nobody twice, and nobody their own', async () => {
    const { json } = await ask({ userId: 'oscar', amount: 5_000_001 }, tokens['oscar']);
    expect(json).toMatchObject({ status: 'requested', approvalsNeeded: 2 });
    expect((await decide(json['id'], 'approve', {}, tokens['oscar'])).json).toMatchObject({
      status: 409,
      code: 'another_operator_needed',
      reason: 'own',
    });
    expect((await decide(json['id'], 'approve')).json).toMatchObject({ status: 'requested' });
    expect((await decide(json['id'], 'approve')).json).toMatchObject({ reason: 'approved_before' });
    const second = await decide(json['id'], 'approve', {}, keys['operate']);
    expect(second.json).toMatchObject({ status: 'approved' });
    expect(second.json['approvedBy']).toHaveLength(2);
  });

  it('is for nobody else', async () => {
    const { json } = await ask();
    for (const as of [tokens['sally'], tokens['bob'], keys['orders']]) {
      expect((await decide(json['id'], 'approve', {}, as)).status).toBe(403);
    }
    expect((await decide('f'.repeat(24), 'approve')).json).toMatchObject({ code: 'withdrawal_not_found' });
    expect((await decide('nonsense', 'approve')).status).toBe(400);
  });
});

describe('GET /v1/withdrawals', () => {
  it('shows one to its owner and to who decides, and to nobody else', async () => {
    const { json } = await ask();
    const read = (as: string | undefined): Promise<TestAnswer> =>
      api.send('GET', `/v1/withdrawals/${String(json['id'])}`, { as });
    for (const as of [tokens['sally'], tokens['oscar'], keys['orders'], keys['withdrawals:decide']]) {
      expect((await read(as)).json).toEqual(json);
    }
    expect((await read(tokens['bob'])).json).toMatchObject({ status: 404, code: 'withdrawal_not_found' });
  });

  it('shows the package while its receiver has to take it, and not afterwards', async () => {
    const { json } = await ask();
    const id = String(json['id']);
    const receiverUntil = new Date('2026-11-25T00:00:00Z');
    const change = { packageInfo: 'package-1', receiverUntil };
    const read = async () => (await api.admin('GET', `/v1/withdrawals/${id}`)).json;
    await database.db
      .update(withdrawals)
      .set({ ...change, status: 'awaiting_receiver' })
      .where(eq(withdrawals.id, id));
    expect(await read()).toMatchObject({
      packageInfo: 'package-1',
      receiverUntil: receiverUntil.toISOString(),
    });
    await database.db.update(withdrawals).set({ status: 'requested' }).where(eq(withdrawals.id, id));
    expect(await read()).not.toHaveProperty('packageInfo');
    await rejectWithdrawal(database.db, id, decision());
  });

  it('lists page by page, newest first, by status and user, and to a user only their own', async () => {
    for (let made = 0; made < 3; made++) await ask();
    const rows = await allRows(api, '/v1/withdrawals?status=requested&userId=sally&limit=2');
    expect(rows.length).toBeGreaterThanOrEqual(3);
    expect(rows.every(({ status, userId }) => status === 'requested' && userId === 'sally')).toBe(true);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    const times = rows.map(({ createdAt }) => Date.parse(String(createdAt)));
    expect(times).toEqual(times.toSorted((left, right) => right - left));
    const own = await api.send('GET', '/v1/withdrawals?userId=sally', { as: tokens['bob'] });
    expect(own.json['data']).toEqual([]);
  });
});
