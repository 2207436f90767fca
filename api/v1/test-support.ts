/** Callers of every kind, and completed orders whose refunds need no workflow. */
import { afterAll, beforeAll, expect } from 'vitest';
import { type OrderRow, orderByNo } from '../../db/orders.js';

import { fen } from '../../domain/money.js';
import { paymentPosting, releasePosting } from '../../domain/postings.js';
import { post } from '../../ledger/post.js';
import { proveLedger } from '../../ledger/balances.js';
import { type TestDatabase, freshDatabase } from '../../test/support/database.js';
import { insertOrder, openAttempt } from '../../test/support/world.js';
import { PEOPLE, type TestAnswer, type TestApp, addPeople, startTestApp } from '../test-support.js';

export let database: TestDatabase;
export let api: TestApp;
export const tokens: Record<string, string> = {};
export const keys: Record<string, string> = {};

beforeAll(async () => {
  database = await freshDatabase();
  api = await startTestApp(database.db);
  await addPeople(api);
  for (const [id] of PEOPLE) {
    tokens[id] = String((await api.admin('POST', `/v1/users/${id}/tokens`)).json['accessToken']);
  }
  for (const scope of ['orders', 'refunds:decide', 'operate']) {
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

/** A completed deal of alice and sally; its refunds need no workflow. */
export async function completed(): Promise<OrderRow> {
  const { db } = database;
  const order = await insertOrder(db, { buyerId: 'alice', sellerId: 'sally' });
  const payment = await openAttempt(db, order);
  const at = Date.now();
  const received = {
    paymentId: payment.id,
    channel: 'alipay' as const,
    providerTradeNo: `trade-${order.orderNo}`,
    inboxId: null,
    paidAtMs: at,
    receivedAtMs: at,
  };
  await post(db, paymentPosting({ ...order, amountFen: fen(order.amount) }, received));
  const { orderNo, feeBps } = order;
  const amountFen = fen(order.amount);
  await post(db, releasePosting({ orderNo, sellerId: 'sally', amountFen, feeBps, by: 'test', atMs: at }));
  return orderByNo(db, orderNo);
}

export const reason = 'the lesson was cut short';

export function ask(
  { id }: OrderRow,
  body: unknown = { amount: 500, reason },
  as = tokens['alice'],
  key?: string,
): Promise<TestAnswer> {
  const headers = key === undefined ? {} : { 'idempotency-key': key };
  return api.send('POST', `/v1/orders/${id}/refunds`, { as, body, headers });
}

export const decide = (
  id: unknown,
  verb: string,
  body: unknown,
  as = keys['refunds:decide'],
): Promise<TestAnswer> => api.send('POST', `/v1/refunds/${String(id)}/${verb}`, { as, body });
