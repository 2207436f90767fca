/** The dialect `factory`: what is paid for from a balance, withdrawn and listed, and what is refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveLedger, walletOf } from '../../ledger/balances.js';
import { type Factory, type Fields, TENANT, openFactory } from '../support/factory.js';
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

describe('what is paid for from the balance at once', () => {
  it('M4 M6 is refused with what is missing, and leaves nothing', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await factory.fill(member, '1.00');
    const id = await factory.addShopOrder(member, 130);
    const before = await factory.countOrders(member);
    expect(await wx.orderPay(token, id)).toMatchObject({ code: 40_000, data: 0.3 });
    expect(await wx.payDeposit({ token, amount: '7' })).toMatchObject({ code: 40_000, data: 6 });
    expect(await wx.payBill(token, '1.01')).toMatchObject({ code: 40_000, data: 0.01 });
    expect(await factory.countOrders(member)).toBe(before);
    expect((await factory.shopOrder(id))['status']).toBe('pending');
    expect(await factory.balanceOf(member)).toBe(1);
    await factory.fill(member, '0.30');
    expect(await wx.orderPay(token, id)).toMatchObject({ code: 0 });
    expect(await factory.balanceOf(member)).toBe(0);
  });

  it('M5 is paid once by calls at once and by repeats, and its order completes', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await factory.fill(member, '10.00');
    const id = await factory.addShopOrder(member, 400);
    const answers = await Promise.all([1, 2, 3].map(() => wx.orderPay(token, id)));
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await wx.orderPayV2({ token, orderId: id })).toMatchObject({ code: 0 });
    expect(await factory.balanceOf(member)).toBe(6);
    const paidBy = String((await factory.shopOrder(id))['paidByOrderId']);
    await until(
      async () => (await factory.api.admin('GET', `/v1/orders/${paidBy}`)).json['status'] === 'completed',
    );
  });

  it('is a deposit, and a bill less its discount', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await factory.fill(member, '300.00');
    expect(await wx.payDepositV2({ token, amount: 98, remark: '测试' })).toMatchObject({
      code: 0,
      data: { amount: 98, status: 0, remark: '测试' },
    });
    expect(await wx.payBillV2({ token, shopId: '888', money: '200' })).toMatchObject({ code: 0, data: null });
    expect(await factory.balanceOf(member)).toBe(22);
    expect(await wx.payBill(token, '2')).toMatchObject({ code: 0 });
    expect(await factory.balanceOf(member)).toBe(20);
  });

  it('S3 is guarded by the pay password where a bill’s payer has one, and wherever one is sent', async () => {
    const member = await factory.newMember({ payPassword: 'open-sesame' });
    const { wx } = factory;
    const { token } = member;
    await factory.fill(member, '10.00');
    const id = await factory.addShopOrder(member, 100);
    expect(await wx.payBill(token, '1')).toMatchObject({ code: 10_000 });
    expect(await wx.payBill(token, '1', 'wrong-guess')).toMatchObject({ code: 10_000 });
    expect(await wx.orderPayV2({ token, orderId: id, pwd: 'wrong-guess' })).toMatchObject({ code: 10_000 });
    expect(await factory.balanceOf(member)).toBe(10);
    expect(await wx.payBill(token, '1', 'open-sesame')).toMatchObject({ code: 0 });
    expect(await wx.orderPay(token, id)).toMatchObject({ code: 0 });
    expect(await factory.balanceOf(member)).toBe(8);
  });

  it('is refused where the merchant carries the type out', async () => {
    const member = await factory.newMember();
    await factory.fill(member, '1.00');
    const id = await factory.addShopOrder(member, 100);
    await factory.put('/v1/action-endpoints/0', {
      url: 'https://example.com/hook',
      secret: `whsec_${'a'.repeat(32)}`,
    });
    const answer = await factory.wx.orderPay(member.token, id);
    expect((await factory.api.admin('DELETE', '/v1/action-endpoints/0')).status).toBeLessThan(300);
    expect(answer).toMatchObject({ code: 10_000, msg: expect.stringContaining('merchant') as string });
    expect(await factory.balanceOf(member)).toBe(1);
  });
});

describe('a withdrawal', () => {
  it('W1 leaves the balance at once, and is listed in both spellings', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await giveEarnings(factory.stage.db, member.id, 10_000);
    await factory.nameAccount(member);
    const first = await factory.done(wx.withDrawApply(token, 20));
    const second = await factory.done(wx.withDrawApplyV2({ token, money: '30.00' }));
    const third = await factory.done(wx.withDrawApplyV3({ token, money: '1.5' }));
    expect(first).toMatchObject({ money: 20, uid: member.id });
    const all = (await wx.withDrawLogs({ token })).data as Fields[];
    expect(all.map(({ id }) => id)).toEqual([third, second, first].map(({ id }) => id));
    expect((await wx.withDrawLogsV2({ token, page: 2, pageSize: 2 })).data).toMatchObject([
      { id: first['id'] },
    ]);
    await until(async () => {
      const { json } = await factory.api.admin('GET', `/v1/withdrawals/${String(first['id'])}`);
      if (json['status'] !== 'requested') return true;
      await factory.api.admin('POST', `/v1/withdrawals/${String(first['id'])}/approve`, { reason: 'x' });
      return false;
    });
    expect(await wx.withDrawDetail(token, String(first['id']))).toMatchObject({
      code: 0,
      data: { money: 20 },
    });
    expect(await wx.withDrawDetailV2({ token, id: first['id'] })).toMatchObject({
      code: 0,
      data: { money: 20 },
    });
    const stranger = await factory.newMember();
    expect(await wx.withDrawDetail(stranger.token, String(first['id']))).toMatchObject({ code: 700 });
  });

  it('is refused above what is earned, below the least, and to an account that the user has named', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    await factory.fill(member, '50.00');
    await giveEarnings(factory.stage.db, member.id, 1_000);
    expect(await wx.withDrawApply(token, 5)).toMatchObject({ code: 10_000 });
    await factory.nameAccount(member);
    expect(await wx.withDrawApply(token, '10.50')).toMatchObject({ code: 40_000, data: 0.5 });
    expect(await wx.withDrawApply(token, '0.01')).toMatchObject({ code: 20_000 });
    const own = { channel: 'alipay', no: 'thief@example.com', name: '某人' };
    const named = await factory.api.send('PUT', `/v1/users/${member.id}/payout-account`, {
      as: token,
      body: own,
    });
    expect(named.status).toBe(200);
    expect(await wx.withDrawApply(token, 5)).toMatchObject({ code: 10_000 });
    expect((await walletOf(factory.stage.db, member.id)).withdrawable).toBe(1_000);
  });
});

describe('payLogs', () => {
  it('lists a payer’s payments, the newest first, by number and by status', async () => {
    const member = await factory.newMember();
    const { wx } = factory;
    const { token } = member;
    expect(await wx.payLogs({ token })).toMatchObject({ code: 700 });
    const paid = await factory.fill(member, '1.00', '{type: 5, amount: 1}');
    const { outTradeId: open } = await factory.done(
      wx.alipayQrcode({ token, money: 2, payName: '茶', remark: '一壶' }),
    );
    const numbers = async (filter: Fields) =>
      ((await wx.payLogs({ token, ...filter })).data as Fields[]).map(({ orderNo }) => orderNo);
    expect(await numbers({ page: 1, pageSize: 500 })).toEqual([open, paid]);
    expect(await numbers({ status: 1 })).toEqual([paid]);
    expect(await numbers({ status: 0 })).toEqual([open]);
    const [row] = (await wx.payLogs({ token, orderNo: open })).data as Fields[];
    expect(row).toMatchObject({
      payName: '茶',
      remark: '一壶',
      money: 2,
      nextAction: '',
      statusStr: '未支付',
    });
    const [log] = (await wx.payLogs({ token, orderNo: paid })).data as Fields[];
    expect(log).toMatchObject({ nextAction: '{type: 5, amount: 1}', payGateStr: '微信支付' });
    const stranger = await factory.newMember();
    expect(await wx.payQuery(stranger.token, paid)).toMatchObject({ code: 700 });
  });
});

describe('what is wrong', () => {
  it.each<[string, string, Fields, number]>([
    ['no money', 'pay/wx/qrcode', {}, 10_000],
    ['money of no kind', 'pay/wx/qrcode', { money: {} }, 10_000],
    ['nothing', 'pay/wx/qrcode', { money: 0 }, 20_000],
    ['less than nothing', 'pay/wx/qrcode', { money: '-1' }, 20_000],
    ['a third of a fen', 'pay/wx/qrcode', { money: 0.003 }, 20_000],
    ['1e21', 'pay/wx/qrcode', { money: '1e21' }, 20_000],
    ['a number that no JSON holds exactly', 'pay/wx/qrcode', { money: 1e21 }, 10_000],
    ['full-width digits', 'pay/wx/qrcode', { money: '１２' }, 20_000],
    ['an unknown action', 'pay/wx/qrcode', { money: 1, nextAction: '{type:99}' }, 10_000],
    [
      'an OD number',
      'pay/wx/qrcode',
      { money: 1, nextAction: { type: 0, id: 'OD1807220151884127' } },
      10_000,
    ],
    ['an order that is none', 'order/pay', { orderId: '999999' }, 700],
    ['several orders', 'order/pay', { orderId: '1,2' }, 10_000],
    ['a deposit of nothing', 'deposit/pay', { amount: '0.00' }, 20_000],
    ['no such shop', 'payBill/pay', { money: 1, shopId: '4711' }, 700],
    ['a shop that can be none', 'payBill/pay', { money: 1, shopId: 'x' }, 10_000],
    ['no such deposit', 'deposit/back/apply', { id: 'x' }, 700],
    ['a page that is none', 'user/payLogs', { page: 0 }, 10_000],
  ])(
    'M2 S2 %s is refused in the dialect’s own words, and changes nothing: %s',
    async (_name, path, body, code) => {
      const member = await factory.newMember();
      const answer = await factory.api.send('POST', `/${TENANT}/${path}`, { as: member.token, body });
      expect([answer.status, answer.json['code'], answer.json['msg']]).toEqual([
        200,
        code,
        expect.stringMatching(/./),
      ]);
      expect(await factory.countOrders(member)).toBe(0);
    },
  );

  it('wxapp without an openid, neither sent nor stored', async () => {
    const { token } = await factory.newMember({ openid: null });
    expect(await factory.wx.wxpay({ token, money: 1 })).toMatchObject({ code: 10_000 });
    expect(await factory.wx.wxpay({ token, money: 1, openid: 'o-sent' })).toMatchObject({ code: 0 });
  });

  it('S1 another user’s order, and no token at all', async () => {
    const [owner, other] = [await factory.newMember(), await factory.newMember()];
    const id = await factory.addShopOrder(owner, 1);
    await factory.fill(other, '1.00');
    expect(await factory.wx.orderPay(other.token, id)).toMatchObject({ code: 700 });
    const nobody = await factory.api.send('POST', `/${TENANT}/order/pay`, { body: { orderId: id } });
    expect([nobody.status, nobody.json['code']]).toEqual([401, 2000]);
  });

  it.each([
    ['POST', `/${TENANT}/pay/unknown/gate`, 404, 'code'],
    ['POST', '/v1/pay/wx/qrcode', 404, 'detail'],
    ['GET', '/api/user/amount', 404, 'detail'],
    ['GET', '/order/pay/query', 404, 'err_desc'],
    ['GET', `/${TENANT}/order/pay`, 405, 'code'],
  ])('%s %s is no call of a tenant’s: %i', async (method, path, status, field) => {
    const answer = await factory.api.send(method, path, { as: (await factory.newMember()).token });
    expect([answer.status, field in answer.json]).toEqual([status, true]);
  });

  it('what the discounts of a shop are, which anybody may ask who has signed in', async () => {
    const { token } = await factory.newMember();
    const answer = await factory.api.send('GET', `/${TENANT}/payBill/discounts?token=${token}`);
    expect(answer.json).toMatchObject({
      code: 0,
      data: [
        { shopId: '888', consume: 100, discounts: 10, percentOff: 0 },
        { shopId: '888', consume: 200, discounts: 0, percentOff: 10 },
      ],
    });
    // Strict here, as in production; the client sends no token with this call.
    expect(await factory.wx.payBillDiscounts()).toMatchObject({ code: 2000 });
  });
});
