/** People who have earned enough, callers of every kind, and a provider that pays out, which nobody asks. */
import { afterAll, beforeAll, expect } from 'vitest';
import { proveLedger } from '../../ledger/balances.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { PAY_PASSWORD, setPayPassword } from '../../test/support/journeys.js';
import { payoutDesk } from '../../test/support/withdrawals.js';
import { giveEarnings } from '../../test/support/world.js';
import {
  PEOPLE,
  type TestAnswer,
  type TestApp,
  addPeople,
  startTestApp,
  testServices,
} from '../test-support.js';

export let database: TestDatabase;
export let api: TestApp;
export const tokens: Record<string, string> = {};
export const keys: Record<string, string> = {};

beforeAll(async () => {
  database = await freshDatabase();
  const { channels } = payoutDesk();
  const { commands } = testServices(database.db).services;
  api = await startTestApp(database.db, { channels, commands: { ...commands, channels } });
  await addPeople(api);
  await setPayPassword(database.db);
  for (const [id] of PEOPLE) {
    tokens[id] = String((await api.admin('POST', `/v1/users/${id}/tokens`)).json['accessToken']);
    await giveEarnings(database.db, id, 100_000_000);
  }
  for (const scope of ['orders', 'withdrawals:decide', 'users', 'operate']) {
    const made = await api.admin('POST', '/v1/api-keys', { name: scope, scopes: [scope] });
    keys[scope] = String(made.json['key']);
  }
});
afterAll(async () => {
  const proof = await proveLedger(database.db);
  await api.close();
  await database.close();
  expect(proof).toMatchObject({ balanced: true });
});

export const account = { channel: 'alipay', no: 'sally@example.com', name: '韩梅梅' };
const wish = { userId: 'sally', amount: 500, payPassword: PAY_PASSWORD, account };

export function ask(change: object = {}, as = tokens['sally'], key?: string): Promise<TestAnswer> {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  return api.send('POST', '/v1/withdrawals', { as, body: { ...wish, ...change }, headers });
}

export const decide = (
  id: unknown,
  verb: string,
  body: object = {},
  as = keys['withdrawals:decide'],
): Promise<TestAnswer> => api.send('POST', `/v1/withdrawals/${String(id)}/${verb}`, { as, body });

export const limit = (name: string, value: number): Promise<TestAnswer> =>
  api.admin('PUT', `/v1/settings/limit.withdrawal.${name}`, { value });
