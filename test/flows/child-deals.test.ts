/** Actions whose money is somebody else's: held by an order of its own, with all that an order has. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../../api/test-support.js';
import { outbox } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import { restartOrderWorkflow } from '../../relay/order-workflow.js';
import { orderWorkflowId } from '../../workflows/contract.js';
import { type Stage, openStage } from '../notifications/stage.js';
import type { Json } from '../support/http-shop.js';
import { addUsers, giveCash, until } from '../support/world.js';

let stage: Stage;
let api: Client;
beforeAll(async () => {
  stage = await openStage();
  api = clientOf(stage.context.publicUrl);
  await addUsers(stage.db, 'alice', 'sally', 'rita', 'rob', 'first', 'second');
  await giveCash(stage.db, 'alice', 100_000);
  await api.admin('PUT', '/v1/settings/fee.platformBps', { value: 1_000 });
});
afterAll(() => stage.close());

const wallet = async (userId: string): Promise<Json> =>
  (await api.admin('GET', `/v1/wallets/${userId}`)).json;

/** A topup of alice's that is paid at the provider, with this action. @returns once its chain is done */
async function run(nextAction: object): Promise<void> {
  const wish = { kind: 'topup', buyerId: 'alice', amount: 1_000, subject: 'x', nextAction };
  const { id, orderNo } = (await api.admin('POST', '/v1/orders', wish)).json;
  await api.admin('POST', `/v1/orders/${String(id)}/payments`, { channel: 'alipay' });
  await stage.flow.providers.control('POST', `/trades/${String(orderNo)}/pay`, {});
  await until(async () => {
    const { status } = (await api.admin('GET', `/v1/orders/${String(id)}`)).json;
    if (status === 'action_required') throw new Error('its step is parked');
    return status === 'completed';
  });
}

/** The deal that holds the money of a thing. */
async function dealOf(collection: string, id: string): Promise<Json> {
  const { data } = (await api.admin('GET', '/v1/orders?buyerId=alice&kind=deal')).json as { data: Json[] };
  const [deal] = data.filter((one) => {
    const [item] = (one['items'] ?? []) as Json[];
    return item?.['collection'] === collection && item['id'] === id;
  });
  if (deal === undefined) throw new Error(`nothing holds the money of ${collection}/${id}`);
  return deal;
}

const confirm = (deal: Json, token?: string) =>
  token === undefined
    ? api.admin('POST', `/v1/orders/${String(deal['id'])}/confirm`, {})
    : api.send('POST', `/v1/orders/${String(deal['id'])}/confirm`, { as: token, body: {} });

const tokenOf = async (userId: string): Promise<string> =>
  String((await api.admin('POST', `/v1/users/${userId}/tokens`)).json['accessToken']);

describe('a picture', () => {
  it('M8 its seller’s money is held, and theirs less the fee once its buyer confirms', async () => {
    const trade = { userId: 'alice', sellerId: 'sally', pictureId: 'sunset', amount: 800 };
    await api.admin('PUT', '/v1/catalog/picture-trades/77', trade);
    await run({ type: 11, id: 77 });
    const deal = await dealOf('picture-trades', '77');
    expect(deal).toMatchObject({ status: 'paid', sellerId: 'sally', amount: 800 });
    expect(await wallet('sally')).toMatchObject({ held: 800, withdrawable: 0 });
    expect((await confirm(deal, await tokenOf('alice'))).json).toMatchObject({ status: 'completed' });
    expect(await wallet('sally')).toMatchObject({ held: 0, withdrawable: 720 });
  });

  it('M6 goes back to the payer’s balance where it is refunded', async () => {
    const trade = { userId: 'alice', sellerId: 'sally', pictureId: 'dawn', amount: 500 };
    await api.admin('PUT', '/v1/catalog/picture-trades/78', trade);
    await run({ type: 11, id: 78 });
    const before = await wallet('alice');
    const deal = await dealOf('picture-trades', '78');
    const path = `/v1/orders/${String(deal['id'])}/refunds`;
    const { id } = (await api.admin('POST', path, { reason: 'blurred' })).json;
    await api.admin('POST', `/v1/refunds/${String(id)}/approve`, { reason: 'it is' });
    await until(async () => Number((await wallet('alice'))['cash']) === Number(before['cash']) + 500);
    expect(await dealOf('picture-trades', '78')).toMatchObject({ status: 'refunded' });
  });
});

describe('an errand', () => {
  it('M8 is held until a back end confirms it, and only once its runner is named', async () => {
    await api.admin('PUT', '/v1/catalog/errand-tasks/77', { userId: 'alice', amount: 1_500 });
    await run({ type: 20, taskId: 77 });
    expect((await api.admin('GET', '/v1/catalog/errand-tasks/77')).json).toMatchObject({ status: 'open' });
    const deal = await dealOf('errand-tasks', '77');
    expect((await confirm(deal)).json).toMatchObject({ code: 'order_not_confirmable' });
    const task = { userId: 'alice', amount: 1_500, runnerId: 'rita' };
    expect((await api.admin('PUT', '/v1/catalog/errand-tasks/77', task)).status).toBe(200);
    expect((await confirm(deal, await tokenOf('alice'))).json).toMatchObject({ code: 'forbidden' });
    // Another one took it over.
    await api.admin('PUT', '/v1/catalog/errand-tasks/77', { ...task, runnerId: 'rob' });
    expect((await confirm(deal)).json).toMatchObject({ status: 'completed', sellerId: 'rob' });
    expect([await wallet('rita'), await wallet('rob')]).toMatchObject([
      { withdrawable: 0 },
      { withdrawable: 1_350 },
    ]);
  });

  it('M4 is the runner’s who is named as it is confirmed, whoever was named when its workflow was started', async () => {
    const task = { userId: 'alice', amount: 700 };
    const put = async (runnerId?: string) => {
      const body = { ...task, ...(runnerId !== undefined && { runnerId }) };
      expect((await api.admin('PUT', '/v1/catalog/errand-tasks/79', body)).status).toBe(200);
    };
    await put();
    await run({ type: 20, taskId: 79 });
    const deal = await dealOf('errand-tasks', '79');
    const orderNo = String(deal['orderNo']);
    await put('first');
    const { client } = stage.flow.environment;
    // The relay starts it, before the first runner is named or after that; here it is after that.
    await until(async () => {
      const [start] = await stage.db.select().from(outbox).where(eq(outbox.orderNo, orderNo));
      return start !== undefined && start.doneAt !== null;
    });
    await client.workflow.getHandle(orderWorkflowId(orderNo)).terminate('by a test');
    expect(await restartOrderWorkflow(stage.db, client, orderNo)).toBe(true);
    await put('second');
    expect((await confirm(deal)).json).toMatchObject({ status: 'completed', sellerId: 'second' });
    expect([await wallet('first'), await wallet('second')]).toMatchObject([
      { withdrawable: 0 },
      { withdrawable: 630 },
    ]);
  });

  it.each([
    ['is who ordered it', 'alice', 400],
    ['does not exist', 'nobody', 404],
  ])('keeps its runner where the new one %s', async (_what, runnerId, status) => {
    await api.admin('PUT', '/v1/catalog/errand-tasks/78', { userId: 'alice', amount: 100 });
    if ((await api.admin('GET', '/v1/catalog/errand-tasks/78')).json['status'] === 'pending') {
      await run({ type: 20, taskId: 78 });
    }
    const body = { userId: 'alice', amount: 100, runnerId };
    expect((await api.admin('PUT', '/v1/catalog/errand-tasks/78', body)).status).toBe(status);
    expect(await dealOf('errand-tasks', '78')).toMatchObject({ sellerId: null });
  });

  it('has no other runner once its fee is theirs', async () => {
    const task = { userId: 'alice', amount: 1_500, runnerId: 'rita' };
    expect((await api.admin('PUT', '/v1/catalog/errand-tasks/77', task)).json).toMatchObject({
      code: 'conflict',
    });
  });
});

it('M1 M4 the books balance after all of it', async () => {
  expect(await proveLedger(stage.db)).toMatchObject({ balanced: true });
});
