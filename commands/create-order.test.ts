import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../db/client.js';
import { actionSteps, orderEvents, orders, outbox, settings } from '../db/schema.js';
import { fen } from '../domain/money.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { stepsOf } from '../test/support/journeys.js';
import {
  BUYER,
  SELLER,
  addShopOrder,
  addSmsTemplate,
  addUsers,
  newOrder,
  offlineContext,
} from '../test/support/world.js';
import type { CommandContext } from './context.js';
import type { NewOrder } from './create-order.js';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2030-01-01T00:00:00.000Z');

let database: TestDatabase;
let db: Db;
let context: CommandContext;

beforeAll(async () => {
  database = await freshDatabase();
  db = database.db;
  context = offlineContext(db, () => NOW);
  await addUsers(db);
  await addShopOrder(db, '1', BUYER, 700);
  await addShopOrder(db, '2', BUYER, 300);
  await addSmsTemplate(db, '111');
});
afterAll(() => database.close());

const create = (wish: Partial<NewOrder> = {}) => newOrder(context, wish);
const rows = async () => ({
  orders: await db.$count(orders),
  steps: await db.$count(actionSteps),
  outbox: await db.$count(outbox),
  events: await db.$count(orderEvents),
});

describe('an order', () => {
  it('is there with its chain, the row that starts its workflow and its first event, or not at all', async () => {
    const before = await rows();
    const order = await create({
      nextAction: { type: 0, id: '1,2', nextAction: { type: 2, smsId: 111, mobile: 13500000000 } },
    });
    expect(await rows()).toEqual({
      orders: before.orders + 1,
      steps: before.steps + 3,
      outbox: before.outbox + 1,
      events: before.events + 1,
    });
    const steps = await stepsOf(db, order);
    expect(steps.map(({ position, path, name, status }) => [position, path, name, status])).toEqual([
      [0, '0:1', 'payShopOrder', 'pending'],
      [1, '0:2', 'payShopOrder', 'pending'],
      [2, '0.0', 'sendSms', 'pending'],
    ]);
    expect(order).toMatchObject({ status: 'unpaid', money: 'unpaid', chain: 'running', createdBy: 'test' });
    expect(order.id).toMatch(/^[0-9a-f]{24}$/);
    expect(order.orderNo).toMatch(/^[0-9a-f]{16}$/);
  });

  it('takes the installation’s windows, or its own', async () => {
    expect(await create()).toMatchObject({
      expiresAt: new Date(NOW + 24 * HOUR_MS),
      chatWindowMs: null,
      autoConfirmAfterMs: 24 * HOUR_MS,
    });
    expect(await create({ chatId: 'room_1' })).toMatchObject({ chatWindowMs: 24 * HOUR_MS });
    expect(await create({ expiresInMs: 1, chatWindowMs: 2, autoConfirmAfterMs: 3 })).toMatchObject({
      expiresAt: new Date(NOW + 1),
      chatWindowMs: 2,
      autoConfirmAfterMs: 3,
    });
  });

  it('keeps the platform’s fee of its creation', async () => {
    expect((await create()).feeBps).toBe(0);
    await db.insert(settings).values({ key: 'fee.platformBps', value: 250, updatedBy: 'test' });
    expect((await create()).feeBps).toBe(250);
    await db.delete(settings);
  });

  it('that is free is paid in the same transaction', async () => {
    expect(await create({ amountFen: fen(0) })).toMatchObject({ money: 'held', status: 'paid', captured: 0 });
    const free = await create({ kind: 'package', amountFen: fen(0) });
    expect(free).toMatchObject({ money: 'released', status: 'completed' });
  });

  it('T5 is one for the same wish under the same key, however often and at once', async () => {
    const asked = { by: 'user:test', idempotencyKey: 'k1' };
    const before = await rows();
    const wish = { nextAction: { type: 0, id: '1' } };
    const [first, second] = await Promise.all([
      newOrder(context, wish, asked),
      newOrder(context, wish, asked),
    ]);
    expect(second).toEqual(first);
    expect(await newOrder(context, wish, asked)).toEqual(first);
    expect(await rows()).toEqual({
      orders: before.orders + 1,
      steps: before.steps + 1,
      outbox: before.outbox + 1,
      events: before.events + 1,
    });
  });

  it('is another one for another wish, another key or another caller', async () => {
    const asked = { by: 'user:test', idempotencyKey: 'k2' };
    const made = await Promise.all([
      newOrder(context, {}, asked),
      newOrder(context, { subject: 'another lesson' }, asked),
      newOrder(context, {}, { ...asked, idempotencyKey: 'k3' }),
      newOrder(context, {}, { ...asked, by: 'user:other' }),
      newOrder(context, {}, { ...asked, idempotencyKey: null }),
      newOrder(context, {}, { ...asked, idempotencyKey: null }),
    ]);
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  });

  it('keeps its nextAction as it was sent', async () => {
    const sent = '{type:0, id:1}';
    expect((await create({ nextAction: sent })).nextAction).toBe(sent);
    expect((await create({ nextAction: '{"type":0,"id":1}' })).nextAction).toBe('{"type":0,"id":1}');
    expect((await create({ nextAction: { type: 0, id: 1 } })).nextAction).toEqual({ type: 0, id: 1 });
    expect((await create()).nextAction).toBeNull();
  });
});

describe('S5 the prices of items are the server’s', () => {
  const items = [
    { collection: 'shop-orders', id: '1' },
    { collection: 'shop-orders', id: '2' },
  ];

  it('takes an amount that is their sum', async () => {
    expect(await create({ items, amountFen: fen(1_000) })).toMatchObject({ amount: 1_000, items });
  });

  it.each<[string, Partial<NewOrder>, string]>([
    ['a fen too little', { items, amountFen: fen(999) }, 'price_mismatch'],
    ['a fen too much', { items, amountFen: fen(1_001) }, 'price_mismatch'],
    ['nothing', { items, amountFen: fen(0) }, 'price_mismatch'],
    ['a thing that is not there', { items: [{ collection: 'shop-orders', id: '9' }] }, 'missing_thing'],
    [
      'a thing that is not for sale',
      { items: [{ collection: 'sms-templates', id: '111' }] },
      'invalid_request',
    ],
    ['a collection that is none', { items: [{ collection: 'toString', id: '1' }] }, 'invalid_request'],
  ])('refuses %s', async (_what, wish, code) => {
    const before = await rows();
    expect(await refusalOf(create(wish))).toMatchObject({ code });
    expect(await rows()).toEqual(before);
  });
});

describe('an order is refused, and nothing is stored', () => {
  it.each<[string, Partial<NewOrder>, string, object]>([
    ['a deal without a seller', { sellerId: null }, 'invalid_request', { field: 'sellerId' }],
    [
      'a course without a seller',
      { kind: 'course', sellerId: null },
      'invalid_request',
      { field: 'sellerId' },
    ],
    ['a deal with oneself', { sellerId: BUYER }, 'invalid_request', { field: 'sellerId' }],
    ['a topup with a seller', { kind: 'topup', sellerId: SELLER }, 'invalid_request', { field: 'sellerId' }],
    [
      'a package with a seller',
      { kind: 'package', sellerId: SELLER },
      'invalid_request',
      { field: 'sellerId' },
    ],
    ['a topup with a chat', { kind: 'topup', chatId: 'room' }, 'invalid_request', { field: 'chatId' }],
    [
      'a package with a chat window',
      { kind: 'package', chatWindowMs: 1 },
      'invalid_request',
      { field: 'chatId' },
    ],
    ['a topup of nothing', { kind: 'topup', amountFen: fen(0) }, 'invalid_request', { field: 'amount' }],
    ['an unknown buyer', { buyerId: 'nobody' }, 'user_not_found', { userId: 'nobody' }],
    ['an unknown seller', { sellerId: 'nobody' }, 'user_not_found', { userId: 'nobody' }],
    ['an unknown action', { nextAction: { type: 99 } }, 'invalid_next_action', { path: 'nextAction.type' }],
    [
      'a mistake deep in the chain',
      { nextAction: '{type:0, id:1, nextAction:{type:2, mobile:"13500000000"}}' },
      'invalid_next_action',
      { path: 'nextAction.nextAction.smsId' },
    ],
  ])('%s', async (_what, wish, code, details) => {
    const before = await rows();
    expect(await refusalOf(create(wish))).toMatchObject({ code, details });
    expect(await rows()).toEqual(before);
  });
});
