/** What relays say of course payments, what is refused, and who is signed in. */
import { and, eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { courseCallbacks, operatorItems, orders, payments } from '../../db/schema.js';
import { proveLedger } from '../../ledger/balances.js';
import {
  COURSE,
  type CourseStage,
  FREE_COURSE,
  type Fields,
  STUDENT,
  openCourse,
  paidAs,
} from '../support/course.js';
import { until } from '../support/world.js';

let course: CourseStage;
beforeAll(async () => {
  course = await openCourse();
});
afterAll(async () => {
  const proof = await proveLedger(course.stage.db);
  await course.close();
  expect(proof).toMatchObject({ balanced: true });
});

/** Resolves once the channel has been asked about the order since now. */
async function askedAgain(order: Fields): Promise<void> {
  const { db } = course.stage;
  const asked = async (): Promise<number> => {
    const rows = await db
      .select()
      .from(payments)
      .where(eq(payments.outTradeNo, String(order['trade_no'])));
    return rows.reduce((sum, row) => sum + row.asked, 0);
  };
  const before = await asked();
  await until(async () => (await asked()) > before);
}

describe('a relay’s word', () => {
  it('M7 W2 that a payment was made pays nothing which the channel does not know', async () => {
    const { order, token } = await course.newOrder();
    for (const word of ['alipay', 'wxpay']) {
      expect((await course.call(word, paidAs(order))).json).toEqual({ code: 0 });
      await askedAgain(order);
    }
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '0', pay_time: null });
  });

  it('M7 that a payment failed reads 4 until it is paid, and never afterwards', async () => {
    const { order, token } = await course.newOrder();
    const failed = paidAs(order, { result: 'FAIL' });
    expect((await course.call('alipay', failed)).json).toEqual({ code: 0 });
    await course.reads(order, '4', token);
    await course.pay(order, token);
    for (const result of ['FAIL', 3, 'CLOSED']) {
      expect((await course.call('alipay', paidAs(order, { result }))).json).toEqual({ code: 0 });
    }
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '2' });
  });

  it.each(['0.02', 0.02, '1e-2', '-0.01', '', '０.01'])(
    'W3 about %s yuan pays nothing, and is kept',
    async (amount) => {
      const { order, token } = await course.newOrder();
      const { json } = await course.call('alipay', paidAs(order, { amount }));
      expect(json).toMatchObject({ code: 7 });
      const { db } = course.stage;
      const [item] = await db
        .select()
        .from(operatorItems)
        .where(
          and(
            eq(operatorItems.kind, 'relay_mismatch'),
            eq(operatorItems.ref, `alipay:${String(order['trade_no'])}`),
          ),
        );
      expect(item).toMatchObject({ status: 'open', details: { expected: '0.01', amount: String(amount) } });
      const done = { resolution: 'acknowledged', reason: 'the relay was mistaken' };
      const { status } = await course.api.admin('POST', `/v1/operator-items/${item?.id}/resolve`, done);
      expect(status).toBe(200);
      expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '0' });
    },
  );

  it('is kept once, however often it comes, and at most fifty times an order', async () => {
    const { order } = await course.newOrder();
    const { db } = course.stage;
    const kept = async (): Promise<number> => {
      const [row] = await db
        .select()
        .from(orders)
        .where(eq(orders.seq, Number(order['id'])));
      return db.$count(courseCallbacks, eq(courseCallbacks.orderNo, row?.orderNo ?? ''));
    };
    for (let time = 0; time < 3; time += 1) await course.call('alipay', paidAs(order));
    expect(await kept()).toBe(1);
    for (let no = 0; no < 60; no += 1)
      await course.call('alipay', paidAs(order, { third_trade_no: `t${no}` }));
    expect(await kept()).toBe(50);
  });

  it.each([
    ['an order that nobody has', '999999-0000-0000'],
    ['a number that is none', 'x'],
    ['a number that was guessed', undefined],
  ])('about %s is answered with 5', async (_what, given) => {
    const { order } = await course.newOrder();
    const tradeNo = given ?? `${String(order['id'])}-0000-ffff`;
    expect((await course.call('alipay', paidAs({ trade_no: tradeNo }))).json).toMatchObject({ code: 5 });
  });

  it('M7 that comes after its order has closed finds the payment, which goes back', async () => {
    const { order, token } = await course.newOrder();
    const { db } = course.stage;
    const [row] = await db
      .select()
      .from(orders)
      .where(eq(orders.seq, Number(order['id'])));
    await course.openTrade('alipay', order);
    await course.api.send('POST', `/v1/orders/${row?.id}/cancel`, { as: token, body: { reason: 'no more' } });
    await until(async () => {
      const [now] = await db
        .select()
        .from(orders)
        .where(eq(orders.id, row?.id ?? ''));
      return now?.status === 'closed';
    });
    await course.payTrade(order, { notify: false, force: true });
    expect((await course.call('alipay', paidAs(order))).json).toEqual({ code: 0 });
    await until(async () => {
      const trade = (await course.stage.flow.providers.control(
        'GET',
        `/trades/${String(order['trade_no'])}`,
      )) as {
        refundedAmount: number;
      };
      return trade.refundedAmount === 1;
    });
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '0' });
  });
});

describe('an error', () => {
  it.each<[string, string, Fields, number]>([
    ['no course', 'create', {}, 4],
    ['a course that is none', 'create', { album_id: '99999' }, 6],
    ['no order', 'get', {}, 4],
    ['an order that is none', 'get', { id: '99999999' }, 5],
    ['an id that is none', 'get', { id: 'x' }, 5],
    ['a span that is none', 'list', { time_para: 5 }, 4],
    ['a page that is none', 'list', { page: 0 }, 4],
    ['a page that is too large', 'list', { page_size: 101 }, 4],
  ])('of %s: %s', async (_what, name, fields, code) => {
    const { status, json } = await course.call(name, fields, course.student);
    expect([status, json]).toEqual([200, { code, err_desc: expect.any(String) as string }]);
  });

  it('of a missing course is in the document’s own words', async () => {
    const { json } = await course.call('create', {}, course.student);
    expect(json).toEqual({ code: 4, err_desc: '缺少订购内容参数' });
  });

  it.each([
    ['nobody', undefined, 401, 1],
    ['a wrong token', 'hf_tok_wrong', 401, 1],
  ])('of %s', async (_what, as, status, code) => {
    for (const name of ['create', 'get', 'list', 'sum']) {
      const answer = await course.call(name, { album_id: COURSE, id: '1' }, as);
      expect([name, answer.status, answer.json['code']]).toEqual([name, status, code]);
    }
  });

  it('S1 of a student who asks for a teacher’s sum, or for another’s order', async () => {
    const sum = await course.call('sum', {}, course.student);
    expect([sum.status, sum.json['code']]).toEqual([403, 3]);
    const { order } = await course.newOrder();
    const got = await course.call('get', { id: order['id'] }, course.student);
    expect([got.status, got.json['code']]).toEqual([200, 5]);
  });

  it('S1 of a teacher who buys their own course', async () => {
    const { json } = await course.call('create', { album_id: COURSE }, course.teacher);
    expect(json).toMatchObject({ code: 4 });
  });

  it.each([
    ['a path that is none', 'POST', '/order/nothing', 404],
    ['another method', 'PUT', '/orders/create', 405],
  ])('of %s has the same shape', async (_what, method, path, status) => {
    const answer = await course.api.send(method, path, { body: {} });
    expect([answer.status, answer.json]).toMatchObject([status, { code: 4 }]);
  });
});

describe('who is signed in', () => {
  it('S1 may be said by the cookie session', async () => {
    const { token } = await course.newStudent();
    const send = (cookie: string) =>
      course.api.send('GET', `/order/create?album_id=${FREE_COURSE}`, { headers: { cookie } });
    expect((await send(`theme=dark; session=${token}`)).json).toMatchObject({ code: 0 });
    expect((await send('session=hf_tok_wrong')).status).toBe(401);
    expect((await send('mysession=hf_tok_wrong')).status).toBe(401);
  });

  it('may be a back end, which names the student', async () => {
    const made = await course.api.admin('POST', '/order/create', { album_id: FREE_COURSE, user_id: STUDENT });
    expect(made.json).toMatchObject({ code: 0 });
    const nobody = await course.api.admin('POST', '/order/create', { album_id: FREE_COURSE });
    expect(nobody.json).toMatchObject({ code: 4 });
  });
});
