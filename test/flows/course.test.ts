/** The dialect `course` over HTTP: its document's own calls, against a real worker and the sandbox. */
import { eq } from 'drizzle-orm';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countCourses } from '../../db/courses.js';
import { orders, refunds } from '../../db/schema.js';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { COURSE, type CourseStage, type Fields, TEACHER, openCourse, paidAs } from '../support/course.js';
import { WAYS_TO_SEND, expectDocumented, readGolden, sentAs } from '../support/golden.js';
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

describe('every request of the document', async () => {
  const golden = await readGolden('course');
  const ways = [...WAYS_TO_SEND, 'query'] as const;
  const prefixes = ['/order/', '/orders/'];

  it.each(
    ways.flatMap((how) =>
      prefixes.flatMap((prefix) =>
        Object.entries(golden).map(([name, one]) => [how, `${prefix}${name}`, name, one] as const),
      ),
    ),
  )('answers as printed, sent as %s: %s', async (how, path, name, { request, response }) => {
    const { order, token } = await course.newOrder();
    const places: Fields = { $order: order['id'], $tradeNo: order['trade_no'] };
    const fields = Object.fromEntries(
      Object.entries(request).map(([field, value]) => [field, places[String(value)] ?? value]),
    );
    if (name === 'sum') await countCourses(course.stage.db);
    const as = name === 'sum' ? course.teacher : token;
    const answer =
      how === 'query'
        ? await course.call(path, fields, as, 'GET')
        : await course.api.send('POST', path, { ...withToken(as, sentAs(how, fields)) });
    expect([answer.status, answer.json['code']]).toEqual([200, 0]);
    if (name !== 'sum') expectDocumented(answer.json, response, name);
  });
});

const withToken = (as: string, options: ReturnType<typeof sentAs>) => ({ ...options, as });

describe('a course order', () => {
  it.each([
    ['alipay', 'alipay', '2', 2],
    ['alipay', 'alipay', '2', '2'],
    ['wechat', 'wxpay', '1', 'SUCCESS'],
  ] as const)('M1 paid at %s is paid as its relay says so by %s', async (channel, word, servicer, result) => {
    const { order, token } = await course.newOrder();
    expect(order).toMatchObject({ status: 0, amount: '0.01', name: '我的直播课' });
    expect(order['trade_no']).toMatch(new RegExp(`^${String(order['id'])}-[0-9a-f]{4}-[0-9a-f]{4}$`));
    await course.openTrade(channel, order);
    await course.payTrade(order);
    const [trade] = (
      (await course.stage.flow.providers.control(
        'GET',
        `/trades?outTradeNo=${String(order['trade_no'])}`,
      )) as {
        data: { tradeNo: string }[];
      }
    ).data;
    const told = paidAs(order, { result, third_trade_no: trade?.tradeNo });
    expect((await course.call(word, told)).json).toEqual({ code: 0 });
    await course.reads(order, '2', token);
    expect((await course.call(word, told)).json).toEqual({ code: 0 });
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({
      servicer,
      third_trade_no: trade?.tradeNo,
      third_buyer_id: '2088102175953034',
      puber_id: TEACHER,
      album_id: COURSE,
    });
  });

  it.each(['alipay', 'wechat'] as const)(
    'W5 paid at %s is found paid without a relay’s word',
    async (channel) => {
      const { order, token } = await course.newOrder();
      await course.openTrade(channel, order);
      await course.payTrade(order);
      await course.reads(order, '2', token);
    },
  );

  it('M1 M5 is held for its teacher once, and a second payment at the other channel goes back', async () => {
    const { order, token } = await course.newOrder();
    const before = (await walletOf(course.stage.db, TEACHER)).held;
    await course.openTrade('wechat', order);
    await course.payTrade(order);
    await course.call('wxpay', paidAs(order));
    await course.reads(order, '2', token);
    const { control } = course.stage.flow.providers;
    const { db } = course.stage;
    const opened = (await control('POST', '/trades', {
      channel: 'alipay',
      outTradeNo: order['trade_no'],
      amount: 1,
    })) as { tradeNo: string };
    await control('POST', `/trades/${opened.tradeNo}/pay`, { notify: false });
    await course.call('alipay', paidAs(order));
    await until(async () => {
      const [row] = await db
        .select()
        .from(refunds)
        .where(eq(refunds.outTradeNo, String(order['trade_no'])));
      return row?.status === 'succeeded';
    });
    expect((await walletOf(db, TEACHER)).held).toBe(before + 1);
    expect(await course.orderOf(order['trade_no'], token)).toMatchObject({ pay_status: '2', servicer: '1' });
  });

  it('is the same order while it is unpaid, also for two calls at once, and 2 once it is bought', async () => {
    const { token } = await course.newStudent();
    const create = () => course.items('create', { album_id: COURSE }, token);
    const made = await Promise.all([create(), create(), create()]);
    expect(new Set(made.map(([one]) => one?.['id'])).size).toBe(1);
    const [order = {}] = await create();
    expect(order).toEqual(made[0]?.[0]);
    await course.pay(order, token);
    expect(await create()).toEqual([{ ...order, status: 2 }]);
  });

  it('T1 that is free is bought at once, and runs its course’s actions once', async () => {
    const mobile = '13800000077';
    await course.api.admin('PUT', '/v1/catalog/sms-templates/77', {
      provider: 'outbox',
      sign: 'Holdfast',
      template: 'welcome',
    });
    const nextAction = { type: 2, smsId: 77, mobile, postJsonString: '{}' };
    await course.addCourse('78', { title: '免费课', price: 0, nextAction });
    const { token } = await course.newStudent();
    const create = () => course.items('create', { album_id: '78' }, token);
    const [first] = await create();
    expect(first).toMatchObject({ status: 2, amount: '0.00' });
    expect(await create()).toEqual([first]);
    const sent = async () =>
      (await course.api.admin('GET', `/v1/sms?mobile=${mobile}`)).json['data'] as Fields[];
    await until(async () => (await sent()).length > 0);
    await create();
    expect(await sent()).toHaveLength(1);
  });

  it('of a course with an action that is none cannot be put into the catalogue', async () => {
    const wrong = { title: 'x', puberId: TEACHER, price: 1, nextAction: { type: 99 } };
    const { status, json } = await course.api.admin('PUT', '/v1/catalog/courses/79', wrong);
    expect([status, json['code']]).toEqual([400, 'invalid_next_action']);
  });

  it('is listed for its student and for its teacher, by course, days and pages', async () => {
    const { id, token } = await course.newStudent();
    const courses = ['81', '82', '83'];
    for (const album of courses) await course.addCourse(album);
    for (const album of courses) await course.items('create', { album_id: album }, token);
    const { db } = course.stage;
    const ofStudent = await db.select().from(orders).where(eq(orders.buyerId, id)).orderBy(orders.seq);
    const owner = postgres(course.stage.flow.database.ownerUrl, { max: 1 });
    for (const [at, days] of [1, 40].entries()) {
      const createdAt = new Date(Date.now() - days * 86_400_000);
      await owner`UPDATE orders SET created_at = ${createdAt} WHERE order_no = ${ofStudent[at]?.orderNo ?? ''}`;
    }
    await owner.end();
    const albums = async (fields: Fields, as = token): Promise<unknown[]> =>
      (await course.items('list', fields, as)).map(({ album_id: album }) => album);
    expect(await albums({})).toEqual(['83', '82', '81']);
    expect(await albums({ time_para: 0 })).toEqual(['83']);
    expect(await albums({ time_para: '1' })).toEqual(['81']);
    expect(await albums({ time_para: -7 })).toEqual(['83', '81']);
    expect(await albums({ time_para: '-30' })).toEqual(['83', '81']);
    expect(await albums({ time_para: 30 })).toEqual(['82']);
    expect(await albums({ page: 2, page_size: 2 })).toEqual(['81']);
    expect(await albums({ album_id: '82' })).toEqual(['82']);
    expect(await albums({ album_id: '82' }, course.teacher)).toEqual(['82']);
    expect(await albums({ album_id: '82' }, (await course.newStudent()).token)).toEqual([]);
    const { json } = await course.call('list', { page: 1, page_size: 2 }, token);
    expect(json['data']).toMatchObject({ count: 2, total: 3 });
  });

  it('M4 counts for its teacher, net of refunds, as of the last count', async () => {
    await course.addCourse('91', { title: '统计课', price: 300 });
    const { db } = course.stage;
    const paid: Fields[] = [];
    for (let time = 0; time < 2; time += 1) {
      const { token } = await course.newStudent();
      const [order = {}] = await course.items('create', { album_id: '91' }, token);
      await course.pay(order, token, 300);
      paid.push({ ...order, token });
    }
    const totalOf = async (): Promise<Fields | undefined> =>
      (await course.items('sum', {}, course.teacher)).find(({ album_id: album }) => album === '91');
    expect(await totalOf()).toBeUndefined();
    await countCourses(db);
    expect(await totalOf()).toMatchObject({ title: '统计课', total: '6.00' });
    const [order] = await db
      .select()
      .from(orders)
      .where(eq(orders.seq, Number(paid[0]?.['id'])));
    const asked = await course.api.send('POST', `/v1/orders/${order?.id}/refunds`, {
      as: String(paid[0]?.['token']),
      body: { reason: 'not for me' },
    });
    await course.api.admin('POST', `/v1/refunds/${String(asked.json['id'])}/approve`, { reason: 'so be it' });
    await until(async () => {
      const [row] = await db
        .select()
        .from(orders)
        .where(eq(orders.id, order?.id ?? ''));
      return row?.status === 'refunded';
    });
    expect(await totalOf()).toMatchObject({ total: '6.00' });
    await countCourses(db);
    expect(await totalOf()).toMatchObject({ total: '3.00' });
    // What was given back can be bought again.
    const [again] = await course.items('create', { album_id: '91' }, String(paid[0]?.['token']));
    expect(again).toMatchObject({ status: 0 });
    expect(again?.['id']).not.toBe(paid[0]?.['id']);
  });
});
