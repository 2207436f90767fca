/** Parked steps of many orders, retried by one call. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../../api/test-support.js';
import { type Stage, openStage } from '../notifications/stage.js';
import type { Json } from '../support/http-shop.js';
import { addUsers, giveCash, until } from '../support/world.js';

const POOR = ['ann', 'bea', 'cat', 'dee', 'eva'];

let stage: Stage;
let api: Client;
beforeAll(async () => {
  stage = await openStage();
  api = clientOf(stage.context.publicUrl);
  await addUsers(stage.db, ...POOR);
  await api.admin('PUT', '/v1/settings/price.distributor', { value: 900 });
});
afterAll(() => stage.close());

const statusOf = async (order: Json): Promise<unknown> =>
  (await api.admin('GET', `/v1/orders/${String(order['id'])}`)).json['status'];

/** An order of 1 yuan whose only step costs more, or is about nothing. @returns it, parked */
async function parked(buyerId: string, nextAction: object): Promise<Json> {
  const wish = { kind: 'topup', buyerId, amount: 100, subject: 'x', nextAction };
  const order = (await api.admin('POST', '/v1/orders', wish)).json;
  await api.admin('POST', `/v1/orders/${String(order['id'])}/payments`, { channel: 'alipay' });
  await stage.flow.providers.control('POST', `/trades/${String(order['orderNo'])}/pay`, {});
  await until(async () => (await statusOf(order)) === 'action_required');
  return order;
}

async function bulk(filter: object): Promise<Json> {
  const begun = await api.admin('POST', '/v1/bulk-retries', { filter });
  expect(begun.status).toBe(201);
  const progress = async () => (await api.admin('GET', `/v1/bulk-retries/${String(begun.json['id'])}`)).json;
  await until(async () => (await progress())['status'] === 'done');
  return progress();
}

describe('a bulk retry', () => {
  it('T1 T2 takes up what fits, each once, and shows how far it is', async () => {
    const orders = await Promise.all(POOR.map((buyer) => parked(buyer, { type: 13 })));
    const other = await parked('ann', { type: 0, id: 999_999 });
    await Promise.all(POOR.slice(0, 4).map((buyer) => giveCash(stage.db, buyer, 800)));
    const done = await bulk({ code: 'insufficient_funds' });
    expect(done).toMatchObject({ status: 'done', total: 5, waiting: 0, retried: 5, left: 0 });
    const [last, ...paid] = orders.toReversed();
    for (const order of paid) await until(async () => (await statusOf(order)) === 'completed');
    // Who still has too little is parked again, and so is what did not fit.
    await until(async () => (await statusOf(last ?? {})) === 'action_required');
    expect(await statusOf(other)).toBe('action_required');
    for (const buyer of POOR.slice(0, 4)) {
      expect((await api.admin('GET', `/v1/wallets/${buyer}`)).json['cash']).toBe(buyer === 'ann' ? 100 : 0);
    }
  });

  it('of one buyer leaves the others alone', async () => {
    await giveCash(stage.db, 'eva', 800);
    expect(await bulk({ buyerId: 'eva' })).toMatchObject({ total: 1, retried: 1 });
    expect(await bulk({ code: 'missing_thing', type: 12 })).toMatchObject({ total: 0, status: 'done' });
    const before = new Date(0).toISOString();
    expect(await bulk({ triedBefore: before })).toMatchObject({ total: 0 });
  });

  it.each([[{}], [{ filter: { code: 'none' } }], [{ filter: { triedBefore: 'soon' } }], [{ filter: [] }]])(
    '%j is refused',
    async (body) => {
      expect((await api.admin('POST', '/v1/bulk-retries', body)).status).toBe(400);
    },
  );
});
