import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smsOutbox } from '../../db/schema.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { giveCash } from '../../test/support/world.js';
import { type TestApp, allRows, startTestApp } from '../test-support.js';

let database: TestDatabase;
let api: TestApp;

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  for (const amount of [100, 200, 300]) await giveCash(database.db, 'alice', amount);
});

afterAll(async () => {
  await api.close();
  await database.close();
});

describe('wallets', () => {
  it('show balances in fen, and zeros to who never had money', async () => {
    expect((await api.admin('GET', '/v1/wallets/alice')).json).toEqual({
      cash: 600,
      withdrawable: 0,
      held: 0,
      frozen: 0,
    });
    expect((await api.admin('GET', '/v1/wallets/nobody')).json).toEqual({
      cash: 0,
      withdrawable: 0,
      held: 0,
      frozen: 0,
    });
  });

  it('list their entries newest first, each once', async () => {
    const rows = await allRows(api, '/v1/wallets/alice/entries?limit=2');
    expect(rows.map(({ amount, bucket }) => [amount, bucket])).toEqual([
      [300, 'cash'],
      [200, 'cash'],
      [100, 'cash'],
    ]);
  });
});

it('the ledger proves itself: debits are credits', async () => {
  const proof = await api.admin('GET', '/v1/ledger/proof');
  expect(proof.json).toMatchObject({ balanced: true, totalDebit: 600, totalCredit: 600 });
});

it('the SMS outbox is listed newest first, by number', async () => {
  const message = (n: number, mobile: string) => ({
    id: `m${n}`,
    key: `o:${n}`,
    orderNo: '83aac82bbbfc084a',
    path: '0',
    smsId: '1',
    provider: 'outbox',
    mobile,
    sign: 'H',
    template: 't',
    params: { code: '1234' },
    status: 'sent' as const,
  });
  await database.db
    .insert(smsOutbox)
    .values([
      message(1, '13500000000'),
      message(2, '13600000000'),
      message(3, '13500000000'),
      message(4, '13500000000'),
    ]);
  const rows = await allRows(api, '/v1/sms?limit=2&mobile=13500000000');
  expect(rows.map(({ id }) => id)).toEqual(['m4', 'm3', 'm1']);
  expect(rows[0]).toMatchObject({ mobile: '13500000000', params: { code: '1234' }, sentAt: null });
  expect(rows[0]).not.toHaveProperty('key');
  expect(await allRows(api, '/v1/sms?limit=2')).toHaveLength(4);
});
