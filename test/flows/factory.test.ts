/** The dialect `factory` over HTTP by its platform's own client, unmodified, against a real worker and the sandbox. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { depositsOf } from '../../db/deposits.js';
import { proveLedger } from '../../ledger/balances.js';
import { type Factory, type Fields, type Member, TENANT, openFactory } from '../support/factory.js';
import { WAYS_TO_SEND, expectDocumented, readGolden, readPrintedActions, sentAs } from '../support/golden.js';
import { giveEarnings, until } from '../support/world.js';

let factory: Factory;
beforeAll(async () => {
  factory = await openFactory();
});
afterAll(async () => {
  const proof = await proveLedger(factory.stage.db);
  await factory.close();
  expect(proof).toMatchObject({ balanced: true });
});

describe('every call that the client makes', async () => {
  const golden = await readGolden('factory');

  it.each(
    WAYS_TO_SEND.flatMap((how) => Object.entries(golden).map(([name, one]) => [how, name, one] as const)),
  )('is answered with the fields that it reads, sent as %s: %s', async (how, name, { request, response }) => {
    const { token, places } = await ready();
    const fields = Object.fromEntries(
      Object.entries(request).map(([field, value]) => [field, places[String(value)] ?? value]),
    );
    const [method = 'POST', path = ''] = name.split(' ');
    const answer =
      method === 'GET'
        ? await factory.api.send(
            'GET',
            `/${TENANT}/${path}?${new URLSearchParams({ ...fields, token } as Record<string, string>).toString()}`,
          )
        : await factory.api.send('POST', `/${TENANT}/${path}`, sentAs(how, { ...fields, token }));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"code":0')]);
    expectDocumented(answer.json, response, name);
  });

  /** A member who has all that a call may name. */
  async function ready(): Promise<{ token: string; places: Fields }> {
    const member = await factory.newMember();
    const outTradeId = await factory.fill(member, '500.00', '{type:5, amount:1}');
    await until(async () => (await depositsOf(factory.stage.db, member.id, 'held', PAGE)).total === 1);
    const { listed } = await depositsOf(factory.stage.db, member.id, 'held', PAGE);
    await giveEarnings(factory.stage.db, member.id, 1_000);
    await factory.nameAccount(member);
    const withdrawal = await factory.done(factory.wx.withDrawApply(member.token, '1.00'));
    const places = {
      $outTradeId: outTradeId,
      $orderId: await factory.addShopOrder(member, 100),
      $depositId: listed[0]?.id,
      $withdrawalId: withdrawal['id'],
    };
    return { token: member.token, places };
  }
});

const PAGE = { no: 1, size: 10 };

describe('every nextAction that the document prints', async () => {
  const actions = await readPrintedActions();

  it.each(WAYS_TO_SEND.flatMap((how) => actions.map((action) => [how, action] as const)))(
    'goes with a payment, sent as %s: %s',
    async (how, nextAction) => {
      const { token } = await factory.newMember();
      const wish = { token, money: '0.01', payName: '支付测试', nextAction };
      const answer = await factory.api.send('POST', `/${TENANT}/pay/wx/qrcode`, sentAs(how, wish));
      expect(answer.json).toMatchObject({ code: 0 });
      expect((await factory.wx.payLogs({ token })).data).toMatchObject([{ nextAction }]);
    },
  );
});

describe('a payment', () => {
  const GATES = [
    ['wxpay', ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign', 'prepayId']],
    ['wxpayJsapi', ['appid', 'timeStamp', 'nonceStr', 'prepayId', 'sign']],
    ['wxpayH5', ['mweb_url']],
    ['wxpayQrcode', ['qrcode']],
    ['wxpayApp', ['appid', 'partnerid', 'prepayid', 'package', 'noncestr', 'timestamp', 'sign']],
    ['alipayMP', ['tradeNo']],
    ['alipayAPP', ['url']],
    ['alipayQrcode', ['qrcode']],
    ['alipayH5', ['url']],
    ['alipayPC', ['url']],
  ] as const;

  it.each(GATES)('M1 by %s fills the balance', async (name, fields) => {
    const member = await factory.newMember();
    const answered = await factory.done(factory.wx[name]({ token: member.token, money: '12.30' }));
    for (const field of ['outTradeId', ...fields])
      expect([field, answered[field]]).toEqual([field, expect.stringMatching(/./)]);
    if (name === 'alipayQrcode') {
      expect(JSON.parse(String(answered['qrcode']))).toMatchObject({
        alipay_trade_precreate_response: { qr_code: expect.stringContaining('://') as string },
      });
    }
    await factory.pay(member, answered);
    expect(await factory.balanceOf(member)).toBe(12.3);
  });

  it('M1 M4 of the difference pays a shop order, as nextAction 0 asks', async () => {
    const member = await factory.newMember();
    await factory.fill(member, '3.00');
    const id = await factory.addShopOrder(member, 500);
    const nextAction = JSON.stringify({ type: 0, id });
    const outTradeId = await factory.fill(member, '2.00', nextAction);
    await until(async () => (await factory.shopOrder(id))['status'] === 'paid');
    expect(await factory.balanceOf(member)).toBe(0);
    expect(await factory.done(factory.wx.payQuery(member.token, outTradeId))).toMatchObject({
      orderNo: outTradeId,
      money: 2,
      status: 1,
      nextAction,
      payGate: 'wxpay',
      uid: member.id,
    });
    expect(await factory.done(factory.wx.userAmount(member.token))).toMatchObject({ totleConsumed: 5 });
  });

  it('T3 stays in the balance where its nextAction cannot be paid for', async () => {
    const member = await factory.newMember();
    const id = await factory.addShopOrder(member, 500);
    await factory.fill(member, '2.00', `{type:0, id:${id}}`);
    await until(async () => {
      const { json } = await factory.api.admin('GET', `/v1/orders?buyerId=${member.id}`);
      return (json['data'] as Fields[])[0]?.['status'] === 'action_required';
    });
    expect(await factory.balanceOf(member)).toBe(2);
    expect((await factory.shopOrder(id))['status']).toBe('pending');
  });

  it('is a bill with its shop’s discount, by nextAction 4', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const priced = await factory.done(
      wx.payBillV2({ token: member.token, shopId: '888', money: '100.00', calculate: true }),
    );
    expect(priced).toEqual({ realMoney: 90 });
    await factory.fill(member, '90.00', `{type: 4, shopId: '888', money: 100}`);
    await until(async () => (await factory.balanceOf(member)) === 0);
    const bills = await factory.api.admin('GET', '/v1/catalog/shop-bills?shopId=888');
    expect(bills.json['data']).toContainEqual(
      expect.objectContaining({ userId: member.id, amount: 10_000, paid: 9_000 }),
    );
  });

  it.each([
    ['an empty shopId', () => `{type: 4, shopId: '', money: 5}`],
    ['the payer’s own uid', ({ id }: Member) => JSON.stringify({ type: 4, uid: id, money: '5' })],
  ])('is a bill of no particular shop by %s', async (_name, nextActionOf) => {
    const member = await factory.newMember();
    await factory.fill(member, '5.00', nextActionOf(member));
    await until(async () => (await factory.balanceOf(member)) === 0);
    const bills = await factory.api.admin('GET', '/v1/catalog/shop-bills?limit=100');
    expect(bills.json['data']).toContainEqual(
      expect.objectContaining({ userId: member.id, shopId: '', amount: 500, paid: 500 }),
    );
  });

  it('is a deposit by nextAction 5, asked back by its payer and given back by an operator', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await factory.fill(
      member,
      '98.00',
      JSON.stringify({ type: 5, amount: 98, refCode: 'room', extJsonStr: '{"floor":3}' }),
    );
    await until(async () => (await wx.depositList({ token })).code === 0);
    const { result, totalRow } = await factory.done(wx.depositList({ token, status: 0 }));
    const [deposit] = result as Fields[];
    expect(totalRow).toBe(1);
    expect(deposit).toMatchObject({ amount: 98, status: 0, refCode: 'room', extJsonStr: '{"floor":3}' });
    const id = String(deposit?.['id']);
    for (const asked of [await wx.depositBackApply(token, id), await wx.depositBackApplyV2(token, id)])
      expect(asked).toMatchObject({ code: 0, data: { status: 1 } });
    expect(await factory.balanceOf(member)).toBe(0);
    const items = await factory.api.admin('GET', '/v1/operator-items?kind=deposit_return&status=open');
    const item = (items.json['data'] as Fields[]).find(({ ref }) => ref === id);
    const resolved = await factory.api.admin('POST', `/v1/operator-items/${String(item?.['id'])}/resolve`, {
      resolution: 'accept',
      reason: 'the room is in order',
    });
    expect([resolved.status, resolved.json['status']]).toEqual([200, 'resolved']);
    expect(await factory.done(wx.depositInfoV2(token, id))).toMatchObject({ status: 2 });
    expect(await factory.balanceOf(member)).toBe(98);
    expect((await wx.depositList({ token, status: 0 })).code).toBe(700);
  });
});
