import { describe, expect, it } from 'vitest';
import { listen } from '../live.js';
import { expectStatus, newMobile } from '../shop.js';
import { DEADLINE_MS } from '../wait.js';
import { PATIENT_MS, type World, topUp } from './world.js';

/** Whom the embedded run's demo data gives shop order 129192. */
const DEMO_BUYER = { id: '000000000000000000000b01', token: '' };

/** The nested example of the factory document, in its own style, which is no JSON. */
function payThenTell(id: string, mobile: string): string {
  return `{type:0, id:${id}, nextAction:{type:2, smsId:111, mobile:"${mobile}", postJsonString:{code:9988, product:"工厂"}}}`;
}

export function chainTests(world: () => World): void {
  describe('the nextAction chain', () => {
    it('pays shop order 129192, then sends the message, each once', () => documentsExample(world()));
    it(
      'parks at somebody else’s shop order, holds up nothing else, and goes on once it is corrected',
      () => parkAndEdit(world()),
      PATIENT_MS,
    );
    it(
      'lets the payer retry for lack of money, and an operator skip with a reason',
      () => retryAndSkip(world()),
      PATIENT_MS,
    );
  });
}

async function documentsExample({ shop }: World): Promise<void> {
  const nextAction = payThenTell('129192', '13500000000');
  const order = await shop.newOrder({ kind: 'topup', buyer: DEMO_BUYER, amount: 1_200, nextAction });
  await shop.pay(order, 'wechat');
  await shop.orderIs(order, 'completed');
  expect(await shop.stepsOf(order)).toMatchObject([
    { path: '0', name: 'payShopOrder', status: 'succeeded', attempts: 1 },
    { path: '0.0', name: 'sendSms', status: 'succeeded', attempts: 1 },
  ]);
  expect(await shop.shopOrder('129192')).toMatchObject({ status: 'paid', paidByOrderId: order.id });
  expect(await shop.smsTo('13500000000')).toMatchObject([
    { orderNo: order.orderNo, path: '0.0', params: { code: '9988', product: '工厂' }, status: 'sent' },
  ]);
  expect(await shop.walletOf(DEMO_BUYER)).toMatchObject({ cash: 0 });
}

async function parkAndEdit(world: World): Promise<void> {
  const { stack, shop, seller } = world;
  const payer = await shop.addPerson();
  await topUp(world, payer, 500);
  const [notTheirs, norThis, theirs] = await Promise.all([
    shop.addShopOrder(seller, 500),
    shop.addShopOrder(seller, 500),
    shop.addShopOrder(payer, 500),
  ]);
  const mobile = newMobile();
  const nextAction = payThenTell(notTheirs, mobile);
  const order = await shop.newOrder({ buyer: payer, seller, amount: 900, nextAction });
  const live = await listen(stack, order, payer);
  await shop.pay(order);
  await live.until('action.parked');
  expect(await shop.orderOf(order.id)).toMatchObject({ status: 'action_required' });
  expect(await shop.openItems(order)).toMatchObject([
    { kind: 'parked_step', details: { path: '0', code: 'not_owner' } },
  ]);
  await live.until('money.released');
  expect(await shop.orderOf(order.id)).toMatchObject({ status: 'action_required' });
  expect(await shop.smsTo(mobile)).toEqual([]);

  const edit = (id: string) =>
    stack.api.post<{ code?: string }>(`/v1/orders/${order.id}/actions/0/edit`, {
      parameters: { id },
      reason: 'the wrong number was sent',
    });
  expect((await edit(norThis)).body.code).toBe('not_owner');
  expectStatus(await edit(theirs), 200);
  await shop.orderIs(order, 'completed');
  expect(await shop.shopOrder(theirs)).toMatchObject({ status: 'paid', paidByOrderId: order.id });
  expect(await shop.shopOrder(notTheirs)).toMatchObject({ status: 'pending', paidByOrderId: null });
  expect(await shop.smsTo(mobile)).toHaveLength(1);
  expect(await shop.openItems(order)).toEqual([]);
  live.close();
}

async function retryAndSkip(world: World): Promise<void> {
  const { stack, shop } = world;
  const payer = await shop.addPerson();
  const dear = await shop.addShopOrder(payer, 700);
  const mobile = newMobile();
  const tell = { type: 2, smsId: 111, mobile, postJsonString: { code: 9988, product: '工厂' } };
  const nextAction = { type: 0, id: `${dear},404`, nextAction: tell };
  const order = await shop.newOrder({ kind: 'topup', buyer: payer, amount: 200, nextAction });
  await shop.pay(order);
  await shop.orderIs(order, 'action_required');
  expect(await shop.stepsOf(order)).toMatchObject([
    { path: `0:${dear}`, status: 'parked', error: { code: 'insufficient_funds' } },
    { path: '0:404', status: 'pending' },
    { path: '0.0', status: 'pending' },
  ]);

  await topUp(world, payer, 500);
  const act = (step: string, body: object, token?: string) =>
    stack.api.post(`/v1/orders/${order.id}/actions/${step}`, body, token === undefined ? {} : { token });
  expectStatus(await act(`0:${dear}/retry`, {}, payer.token), 200);
  await expect
    .poll(() => shop.openItems(order), { timeout: DEADLINE_MS })
    .toMatchObject([{ kind: 'parked_step', details: { path: '0:404', code: 'missing_thing' } }]);
  const why = { reason: 'there is no such thing' };
  expectStatus(await act('0:404/skip', why, payer.token), 403);
  expectStatus(await act('0:404/skip', why), 200);
  await shop.orderIs(order, 'completed');
  expect(await shop.stepsOf(order)).toMatchObject([
    { status: 'succeeded' },
    { status: 'skipped' },
    { status: 'succeeded' },
  ]);
  const skipped = { type: 'action.skipped', actor: 'backend:admin#admin', ...why };
  expect(await shop.timelineOf(order)).toContainEqual(expect.objectContaining(skipped));
  expect(await shop.walletOf(payer)).toMatchObject({ cash: 0 });
  expect(await shop.smsTo(mobile)).toHaveLength(1);
}
