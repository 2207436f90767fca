/** S1, S2: somebody else's order, by everybody whose order it is not. Nothing is done, and nothing is learned. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { SendOptions } from '../../api/test-support.js';
import { api, database, tokens } from '../../api/v1/test-support.js';
import { addShopOrder, insertOrder, openAttempt } from '../support/world.js';
import { outcomeOf } from './problems.js';
import { PAY_PASSWORD, type Things, makeThings, samplesFor } from './samples.js';
import { changingNothing } from './snapshot.js';

let things: Things;
/** Of another buyer and another seller: what these may do to theirs they may not do to alice's. */
let unpaid: { id: string; orderNo: string };

beforeAll(async () => {
  things = await makeThings(api, database.db);
  unpaid = await insertOrder(database.db, { buyerId: 'alice', sellerId: 'sally', chatId: 'room_1' });
  await openAttempt(database.db, await insertOrder(database.db, { buyerId: 'bob', sellerId: 'sally' }));
  await addShopOrder(database.db, '77', 'alice', 100);
});

/** Fields with which dialects, and hopes, name who is calling. */
const CLAIMS = {
  userId: 'alice',
  uid: 'alice',
  buyerId: 'alice',
  receiverId: 'alice',
  caller: 'user:alice',
  by: 'user:alice',
  role: 'operator',
  accesstoken: 'x',
  token: 'x',
} as const;

/** Every call about an order, with a body that would be right if it came from the buyer. */
function calls(id: string): [route: string, path: string, options: SendOptions][] {
  const at = `/v1/orders/${id}`;
  const reads = ['', '/timeline', '/events', '/actions'].map((end): [string, string, SendOptions] => [
    'GET',
    `${at}${end}`,
    {},
  ]);
  const acts = Object.values(samplesFor({ ...things, order: id }))
    .filter(({ path }) => path.startsWith(at))
    .map(({ method, path, body }): [string, string, SendOptions] => [
      method,
      path,
      { body: { ...CLAIMS, ...body } },
    ]);
  return [...reads, ...acts];
}

async function answers(as: string | undefined, id: string): Promise<string[]> {
  const found: string[] = [];
  for (const [method, path, options] of calls(id)) {
    const answer = await api.send(method, path, { ...options, as });
    // Only the request's own id may tell two refusals apart, and the id that was asked about.
    const { requestId: _, ...problem } = answer.json;
    found.push(`${outcomeOf(answer)} ${JSON.stringify(problem)}`.replaceAll(id, '{id}'));
  }
  return found;
}

describe('S1: another user, whatever the body claims', () => {
  const NOBODYS = 'f'.repeat(24);

  it.each(['unpaid', 'completed'])('learns of an order that is %s what they learn of none', async (which) => {
    const id = which === 'unpaid' ? unpaid.id : things.order;
    await changingNothing(database.db, async () => {
      const ofAlice = await answers(tokens['bob'], id);
      expect(ofAlice).toEqual(await answers(tokens['bob'], NOBODYS));
      expect(new Set(ofAlice.map((one) => one.slice(0, 19)))).toEqual(new Set(['404 order_not_found']));
    });
  });

  it('learns nothing of its payment and its refund', () =>
    changingNothing(database.db, async () => {
      for (const [kind, id] of [
        ['payments', things.payment],
        ['refunds', things.refund],
      ] as const) {
        const seen = [];
        for (const one of [id, NOBODYS]) {
          const answer = await api.send('GET', `/v1/${kind}/${one}`, { as: tokens['bob'] });
          const { requestId: _, ...problem } = answer.json;
          seen.push(JSON.stringify(problem).replaceAll(one, '{id}'));
        }
        expect(seen[0]).toBe(seen[1]);
      }
    }));

  it('sees none of it in a list, whoever they ask for', async () => {
    for (const query of ['', '?buyerId=alice', '?sellerId=sally', '?buyerId=alice&sellerId=sally']) {
      const list = await api.send('GET', `/v1/orders${query}`, { as: tokens['bob'] });
      const rows = list.json['data'] as { buyerId: string }[];
      expect(rows.filter(({ buyerId }) => buyerId !== 'bob')).toEqual([]);
    }
    const own = await api.send('GET', '/v1/orders?buyerId=bob', { as: tokens['bob'] });
    expect(own.json['data']).toHaveLength(1);
  });

  it('makes no order in somebody’s name, for a back end or an operator to be thought', () =>
    changingNothing(database.db, async () => {
      const { path, body } = samplesFor(things)['POST /v1/orders'] ?? { path: '' };
      for (const claim of [
        {},
        { createdBy: 'backend:shop' },
        { status: 'paid', money: 'held', captured: 100 },
      ]) {
        const answer = await api.send('POST', path, {
          as: tokens['bob'],
          body: { ...CLAIMS, ...body, ...claim },
        });
        expect(outcomeOf(answer)).toBe('403 forbidden');
      }
    }));

  it('cannot spend another’s thing by an action: it parks, and stays pending', async () => {
    const body = {
      kind: 'deal',
      buyerId: 'bob',
      sellerId: 'sally',
      amount: 100,
      subject: 'x',
      nextAction: { type: 0, id: 77 },
    };
    const made = await api.send('POST', '/v1/orders', { as: tokens['bob'], body });
    expect(made.json).toMatchObject({ buyerId: 'bob', status: 'unpaid', amount: 100 });
    const thing = await api.admin('GET', '/v1/catalog/shop-orders/77');
    expect(thing.json).toMatchObject({ status: 'pending', paidByOrderId: null });
  });
});

describe('S1: the seller', () => {
  it('can neither pay nor confirm nor cancel nor refund, nor decide about a step', () =>
    changingNothing(database.db, async () => {
      for (const id of [unpaid.id, things.order]) {
        for (const [method, path, options] of calls(id)) {
          if (method === 'GET' || path.endsWith('/close-chat')) continue;
          const answer = await api.send(method, path, { ...options, as: tokens['sally'] });
          expect([path, outcomeOf(answer)]).toEqual([path, '403 forbidden']);
        }
      }
    }));
});

describe('S1: a field that is not the caller’s to set', () => {
  it('is ignored: an order is unpaid, made by who made it, and costs what it costs', async () => {
    const { path, body } = samplesFor(things)['POST /v1/orders'] ?? { path: '' };
    const wishes = {
      id: 'f'.repeat(24),
      orderNo: '1',
      status: 'paid',
      money: 'held',
      feeBps: 0,
      refunded: 1,
      paidAt: '2020-01-01T00:00:00Z',
      createdBy: 'backend:shop',
    };
    const made = await api.send('POST', path, { as: tokens['alice'], body: { ...body, ...wishes } });
    expect(made.json).toMatchObject({ status: 'unpaid', refundedAmount: 0, paidAt: null, buyerId: 'alice' });
    expect(made.json['id']).not.toBe(wishes.id);
    const timeline = await api.admin('GET', `/v1/orders/${String(made.json['id'])}/timeline`);
    expect(timeline.json['data']).toMatchObject([{ type: 'order.created', actor: 'user:alice' }]);
  });

  it('is ignored: a payment takes the order’s own amount', async () => {
    const order = await insertOrder(database.db, { buyerId: 'alice', sellerId: 'sally', amount: 900 });
    const body = { channel: 'wallet', payPassword: PAY_PASSWORD, amount: 1, status: 'paid', buyerId: 'bob' };
    const paid = await api.send('POST', `/v1/orders/${order.id}/payments`, { as: tokens['alice'], body });
    expect(paid.json).toMatchObject({ amount: 900, status: 'paid' });
  });
});
