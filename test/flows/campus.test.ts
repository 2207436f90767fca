/** The dialect `campus` over HTTP: its document's own calls, against a real worker and the sandbox. */
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PINGPP_CHANNELS } from '../../api/dialects/pay.js';
import { orders } from '../../db/schema.js';
import { fromChinaTime } from '../../domain/china-time.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Campus, PACKAGE_A, PACKAGE_B, PAYER, WEB_PATH, openCampus } from '../support/campus.js';
import { WAYS_TO_SEND, expectDocumented, readGolden, sentAs } from '../support/golden.js';
import { until } from '../support/world.js';

type Fields = Record<string, unknown>;

const DAY_MS = 86_400_000;
const SMS_PACKAGE = '10000003';
const FREE_PACKAGE = '10000004';
const UPGRADE = '10000005';

let campus: Campus;
beforeAll(async () => {
  campus = await openCampus();
  await campus.addPackage(SMS_PACKAGE, {
    type: 1,
    name: '短信',
    price: 3_000,
    days: 30,
    details: ['每天一条'],
  });
  await campus.addPackage(FREE_PACKAGE, { name: '试用', price: 0, days: 7 });
  await campus.addPackage(UPGRADE, { payType: 1, name: 'A到B', price: 3_000 });
});
afterAll(async () => {
  const proof = await proveLedger(campus.stage.db);
  await campus.close();
  expect(proof).toMatchObject({ balanced: true });
});

const successOf = async (ids: string): Promise<Fields> =>
  (await campus.done('SearchSuccessData', { ids })) as Fields;

function spanOf(success: Fields): { from: number; to: number } {
  const [from, to] = ['payStartDate', 'payEndDate'].map((name) => fromChinaTime(String(success[name])));
  if (from === undefined || to === undefined) throw new Error(`no span in ${JSON.stringify(success)}`);
  return { from: from.getTime(), to: to.getTime() };
}

describe('every request of the document', async () => {
  const golden = await readGolden('campus');

  it.each(
    WAYS_TO_SEND.flatMap((how) => Object.entries(golden).map(([name, one]) => [how, name, one] as const)),
  )('answers as printed, sent as %s: %s', async (how, name, { request, response }) => {
    const body = { ...request };
    if (body['orderNumber'] === '$paid') body['orderNumber'] = (await campus.buy()).charge['order_no'];
    const answer = await campus.api.send('POST', `/api/Pay/${name}`, sentAs(how, body));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"error":0')]);
    expectDocumented(answer.json, response, name);
  });

  it.each(Object.keys(golden))('answers the same under the prefix of CAMPUS_WEB_PATH: %s', async (name) => {
    const { request } = golden[name] ?? { request: {} };
    const [plain, prefixed] = await Promise.all(
      ['', WEB_PATH].map((prefix) =>
        campus.api.send('POST', `${prefix}/api/Pay/${name}`, { body: { ...request, userID: 'nobody' } }),
      ),
    );
    expect(prefixed?.text).toBe(plain?.text);
    expect(prefixed?.json['error']).toBe(1);
  });
});

describe('a package', () => {
  it('is offered with its price in words and in yuan', async () => {
    const offered = (await campus.done('SearchPayPackages', {
      userID: PAYER,
      type: 0,
      payType: 0,
    })) as Fields;
    expect(offered).toMatchObject({ empName: '陈雅诺', cardNo: '335731330', selectType: 0 });
    expect(
      (offered['items'] as Fields[]).map(({ id, itemPrice, itemValue }) => [id, itemPrice, itemValue]),
    ).toEqual([
      [PACKAGE_A, '¥158元/年', 158],
      [PACKAGE_B, '¥0.01元/年', 0.01],
      [FREE_PACKAGE, '¥0元/7天', 0],
    ]);
    const sms = (await campus.done('SearchPayPackages', { userID: PAYER, type: 1, payType: 0 })) as Fields;
    expect(sms['items']).toMatchObject([
      { id: SMS_PACKAGE, itemPrice: '¥30元/月', details: [{ icon: '', title: '每天一条', content: '' }] },
    ]);
  });

  it('M1 is found paid once it is, and runs for its days', async () => {
    const userID = await campus.somebody();
    const { recordIDs, charge } = await campus.order({ userID });
    expect((await campus.call('SearchSuccessData', { ids: recordIDs })).json).toMatchObject({ error: 1 });
    const before = Date.now();
    await campus.stage.flow.providers.control('POST', `/trades/${String(charge['order_no'])}/pay`, {});
    await until(async () => (await campus.call('SearchSuccessData', { ids: recordIDs })).json['error'] === 0);
    const found = await successOf(recordIDs);
    const { from, to } = spanOf(found);
    expect(to - from).toBe(365 * DAY_MS);
    expect(Math.abs(from - before)).toBeLessThan(60_000);
    expect(found).toMatchObject({ itemName: 'B套餐-含定位', imei: '8612', mobile: '13800000000', sim: '' });
    const byNumber = { userID, orderNumber: charge['order_no'] };
    expect(await campus.done('SearchSuccessData', byNumber)).toEqual(found);
    const another = await campus.call('SearchSuccessData', { ...byNumber, userID: PAYER });
    expect(another.json).toMatchObject({ error: 1 });
  });

  it('is renewed from its end, replaced by an upgrade at once, and continued by another purchase', async () => {
    const userID = await campus.somebody();
    const first = await campus.buy({ userID });
    const { to: firstEnd } = spanOf(await successOf(first.recordIDs));
    const renewal = await campus.buy({ userID, type: 2 });
    expect(spanOf(await successOf(renewal.recordIDs))).toEqual({
      from: firstEnd,
      to: firstEnd + 365 * DAY_MS,
    });
    const again = await campus.buy({ userID });
    expect(spanOf(await successOf(again.recordIDs)).from).toBe(firstEnd + 365 * DAY_MS);
    const upgrade = await campus.buy({ userID, itemIDs: UPGRADE, amount: 3_000, type: 1 });
    const { from, to } = spanOf(await successOf(upgrade.recordIDs));
    expect(to - from).toBe(365 * DAY_MS);
    expect(from).toBeLessThan(firstEnd);
    expect(spanOf(await successOf(first.recordIDs)).to).toBe(from);
    // Of what had not begun, nothing is left.
    expect(spanOf(await successOf(renewal.recordIDs))).toEqual({ from, to: from });
  });

  it('is bought with others in one payment, a record each', async () => {
    const userID = await campus.somebody();
    const itemIDs = `${PACKAGE_A},${SMS_PACKAGE}`;
    const { recordIDs, charge } = await campus.buy({ userID, itemIDs, amount: 188 });
    expect(recordIDs).toMatch(/^\d+,\d+$/);
    expect(charge).toMatchObject({ amount: 18_800 });
    expect(await campus.done('SearchSuccessData', { ids: recordIDs })).toMatchObject([
      { itemName: 'A套餐-不含定位' },
      { itemName: '短信' },
    ]);
    const one = recordIDs.split(',')[1] ?? '';
    expect(await campus.done('SearchSuccessData', { ids: one })).toMatchObject({ itemName: '短信' });
  });

  it('that is free is paid as it is ordered, without a provider', async () => {
    const userID = await campus.somebody();
    const { recordIDs, charge } = await campus.order({ userID, itemIDs: FREE_PACKAGE, amount: 0 });
    expect(charge).toMatchObject({ paid: true, amount: 0, credential: { object: 'credential' } });
    expect(await successOf(recordIDs)).toMatchObject({ itemName: '试用' });
  });

  it('keeps the days and the name that it was ordered with', async () => {
    const userID = await campus.somebody();
    await campus.addPackage('10000009', { name: 'before', days: 10 });
    const { recordIDs } = await campus.buy({ userID, itemIDs: '10000009' });
    await campus.addPackage('10000009', { name: 'after', days: 20 });
    const found = await successOf(recordIDs);
    expect(found['itemName']).toBe('before');
    expect(spanOf(found).to - spanOf(found).from).toBe(10 * DAY_MS);
  });

  it('is not found paid any more once its money went back', async () => {
    const userID = await campus.somebody();
    const { recordIDs, charge } = await campus.buy({ userID });
    const [order] = await campus.stage.db
      .select()
      .from(orders)
      .where(eq(orders.orderNo, String(charge['order_no'])));
    const asked = await campus.api.send('POST', `/v1/orders/${order?.id}/refunds`, {
      as: await campus.tokenOf(userID),
      body: { reason: 'not needed' },
    });
    expect(asked.status).toBe(201);
    await campus.api.admin('POST', `/v1/refunds/${String(asked.json['id'])}/approve`, { reason: 'so be it' });
    await until(async () => (await campus.call('SearchSuccessData', { ids: recordIDs })).json['error'] === 1);
    expect((await campus.call('SearchSuccessData', { ids: recordIDs })).json['message']).toContain(
      '尚未支付',
    );
  });
});

describe('a charge', () => {
  it.each(PINGPP_CHANNELS)('by %s is paid, and runs out when it says', async (channel) => {
    const userID = await campus.somebody();
    const { recordIDs, charge } = await campus.order({ userID, channel, amount: 1 });
    const life = channel.startsWith('upacp') ? 3_600 : 86_400;
    expect(charge).toMatchObject({
      object: 'charge',
      channel,
      amount: 1,
      paid: false,
      order_no: expect.stringMatching(/^[0-9a-f]{16}/) as string,
      time_expire: Number(charge['created']) + life,
    });
    expect((charge['credential'] as Fields)[channel]).toBeTruthy();
    await campus.openTrade(channel, charge);
    await campus.stage.flow.providers.control('POST', `/trades/${String(charge['order_no'])}/pay`, {});
    await until(async () => (await campus.call('SearchSuccessData', { ids: recordIDs })).json['error'] === 0);
  });
});

describe('an error', () => {
  const wish = {
    channel: 'wx',
    subject: 'x',
    body: 'x',
    amount: 0.01,
    userID: PAYER,
    empName: 'x',
    itemIDs: PACKAGE_B,
    type: 0,
  };
  const count = async (): Promise<number> =>
    (await campus.stage.db.select({ no: orders.orderNo }).from(orders)).length;

  it.each<[string, Fields]>([
    ['no channel', { channel: undefined }],
    ['a channel that nobody knows', { channel: 'cash' }],
    ['no subject', { subject: '' }],
    ['no amount', { amount: undefined }],
    ['another amount', { amount: 0.02 }],
    ['an amount with an exponent', { amount: '1e0' }],
    ['a negative amount', { amount: -1 }],
    ['an amount in full-width digits', { amount: '１' }],
    ['a tenth of a fen', { amount: 0.001 }],
    ['too much', { amount: 1e21 }],
    ['an amount that is a list', { amount: [1] }],
    ['nobody', { userID: 'nobody' }],
    ['a number as user', { userID: 7 }],
    ['no items', { itemIDs: '' }],
    ['an item that is none', { itemIDs: '99999999' }],
    ['an item twice', { itemIDs: `${PACKAGE_B},${PACKAGE_B}`, amount: 0.02 }],
    ['items that are no numbers', { itemIDs: 'a,b' }],
    ['a type that is none', { type: 3 }],
    ['a type that is a text', { type: 'buy' }],
    ['an upgrade as a purchase', { itemIDs: UPGRADE, amount: 3_000 }],
  ])('of PayMoney with %s makes no order', async (_what, change) => {
    const before = await count();
    const { status, json } = await campus.call('PayMoney', { ...wish, ...change });
    expect([status, json]).toEqual([200, { error: 1, message: expect.any(String) as string }]);
    expect(await count()).toBe(before);
  });

  it('of an upgrade where nothing runs makes no order', async () => {
    const userID = await campus.somebody();
    const upgrade = { ...wish, userID, itemIDs: UPGRADE, amount: 3_000, type: 1 };
    expect((await campus.call('PayMoney', upgrade)).json).toMatchObject({ error: 1 });
  });

  it.each([
    [15_800, 'fen'],
    ['15800', 'fen'],
    [158, 'yuan'],
    ['158', 'yuan'],
    ['158.00', 'yuan'],
  ])('is none where the amount is %s, in %s', async (amount, _unit) => {
    const { charge } = await campus.order({ userID: await campus.somebody(), itemIDs: PACKAGE_A, amount });
    expect(charge['amount']).toBe(15_800);
  });

  it.each<[string, Fields]>([
    ['nothing', {}],
    ['no number', { userID: PAYER }],
    ['ids that are none', { ids: 'x' }],
    ['a record that nobody has', { ids: '999999999999' }],
    ['a number that nobody has', { userID: PAYER, orderNumber: '123456789' }],
  ])('of SearchSuccessData with %s', async (_what, body) => {
    const { status, json } = await campus.call('SearchSuccessData', body);
    expect([status, json]).toEqual([200, { error: 1, message: expect.any(String) as string }]);
  });

  it.each([
    ['a path that is none', 'POST', '/api/Pay/Nothing', 404],
    ['a path that is none, behind the prefix', 'POST', `${WEB_PATH}/api/Pay/Nothing`, 404],
    ['another method', 'GET', '/api/Pay/PayMoney', 405],
    ['a wrong token', 'POST', '/api/Pay/SearchPayPackages', 401],
  ])('of %s has the same shape', async (_what, method, path, status) => {
    const answer = await campus.api.send(method, path, {
      ...(method === 'POST' && { body: { userID: PAYER, type: 0, payType: 0, accesstoken: 'hf_tok_wrong' } }),
    });
    expect([answer.status, answer.json]).toMatchObject([status, { error: 1 }]);
  });

  it('S1 hides another’s record from a user', async () => {
    const { recordIDs } = await campus.buy({ userID: await campus.somebody() });
    const stranger = await campus.tokenOf(await campus.somebody());
    const { json } = await campus.call('SearchSuccessData', { ids: recordIDs }, stranger);
    expect(json).toEqual({ error: 1, message: '找不到付款记录: there is no such record' });
  });
});
