/** The dialect `market` over HTTP: its document's own calls, against a real worker and the sandbox's Alipay. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveLedger } from '../../ledger/balances.js';
import { WAYS_TO_SEND, expectDocumented, readGolden, sentAs } from '../support/golden.js';
import {
  BUYER,
  LOGIN_PASS,
  type Market,
  PAY_PASS,
  SELLER,
  SKILL,
  STRANGER,
  openMarket,
  payCharge,
} from '../support/market.js';
import { until } from '../support/world.js';

type Fields = Record<string, unknown>;

let market: Market;
beforeAll(async () => {
  market = await openMarket();
});
afterAll(async () => {
  const proof = await proveLedger(market.stage.db);
  await market.close();
  expect(proof).toMatchObject({ balanced: true });
});

const cashOf = async (uid: string, as: string): Promise<Fields> =>
  (await market.done('getCash', { uid }, as))['info'] as Fields;

describe('a deal', () => {
  it('M1 is paid at Alipay, talked about, confirmed, commented on and withdrawn', async () => {
    const { tokens, done, call, statusOf } = market;
    const order = await market.newOrder({ chatId: 'room_life' });
    expect(order).toMatchObject({ status: '未支付', type: 'deal', channel: '', userId: BUYER });
    const oid = String(order['_id']);
    expect(await done('shouldContinueTalk', { chatId: 'room_life' })).toEqual({
      success: true,
      should: false,
      payTime: null,
    });
    const first = await done('payByPing', { oid, channel: 'alipay' });
    const again = await done('payByPing', { oid, channel: 'alipay' });
    expect(again['charge']).toEqual(first['charge']);
    await payCharge(market.stage, first['charge'] as Fields);
    await until(async () => (await statusOf(oid)) === '已付款');
    const talk = { userId: BUYER, receiverId: SELLER, skillId: SKILL };
    expect(await done('shouldCreateNewTalk', talk)).toMatchObject({ chatId: 'room_life', oid });
    expect(await done('shouldContinueTalk', { chatId: 'room_life' })).toMatchObject({
      should: true,
      payTime: expect.stringMatching(/Z$/) as string,
    });
    expect(await cashOf(SELLER, tokens.seller)).toMatchObject({ withdrawCash: 0, cash: 0, heldCash: 100 });
    // Unconfirmed, nobody comments on it.
    expect((await call('comment', { oid, score: 5 }, tokens.buyer)).json).toMatchObject({ code: 2 });
    await done('confirmOrder', { id: oid });
    await done('confirmOrder', { id: oid });
    expect(await statusOf(oid)).toBe('已完成');
    await done('comment', { oid, score: 5, comment: '很好' }, tokens.buyer);
    expect((await call('comment', { oid, score: 1 }, tokens.buyer)).json).toMatchObject({ code: 2 });
    await done('closeTalk', { chatId: 'room_life' }, tokens.seller);
    expect(await done('shouldContinueTalk', { chatId: 'room_life' })).toMatchObject({ should: false });
    expect(await cashOf(SELLER, tokens.seller)).toMatchObject({ withdrawCash: 100, cash: 100, heldCash: 0 });
    const account = { alipayNo: 'hanmeimei@example.com', alipayName: '韩梅梅' };
    const wish = { payPass: PAY_PASS, userId: SELLER, ...account };
    const { order: out } = (await done('withdrawCash', wish)) as { order: Fields };
    expect(out).toMatchObject({ type: 'withdrawals', status: '提现申请中', amount: 100, ...account });
    expect(await cashOf(SELLER, tokens.seller)).toMatchObject({ withdrawCash: 0 });
    await done('handleWithdraw', { oid: out['_id'], agree: true, reason: 'looked into' }, tokens.operator);
    await until(async () => (await statusOf(String(out['_id']))) === '提现成功');
    const { orders } = (await done('getOrder', { type: 'withdrawals' }, tokens.seller)) as {
      orders: Fields[];
    };
    expect(orders).toMatchObject([{ _id: out['_id'], status: '提现成功', user: '郭利军', receiver: null }]);
  });

  it('M4 is paid from a wallet that was topped up, once, and refunded to it', async () => {
    const { tokens, done, call, statusOf } = market;
    await market.topUp(BUYER, 500);
    const oid = String((await market.newOrder({ amount: 300 }))['_id']);
    const pay = { userId: BUYER, oid };
    expect((await call('payByWallet', { ...pay, payPass: 'wrong!' })).json).toEqual({
      success: false,
      code: 4,
      msg: '支付密码错误',
    });
    const before = await cashOf(BUYER, tokens.buyer);
    await done('payByWallet', { ...pay, payPass: PAY_PASS });
    await done('payByWallet', { ...pay, payPass: PAY_PASS });
    expect(Number(before['cash']) - Number((await cashOf(BUYER, tokens.buyer))['cash'])).toBe(300);
    await until(async () => (await statusOf(oid)) === '已付款');
    await done('applyRefund', { oid, reason: 'tobad!!!' }, tokens.buyer);
    await done('applyRefund', { oid, reason: 'tobad!!!' }, tokens.buyer);
    expect(await statusOf(oid)).toBe('退款申请中');
    await done('handleRefund', { oid, agree: true, reason: 'so be it' }, tokens.operator);
    await until(async () => (await statusOf(oid)) === '退款成功');
    const { orders } = (await done('getOrder', { status: '退款成功' }, tokens.buyer)) as { orders: Fields[] };
    expect(orders).toMatchObject([{ _id: oid, refundReason: 'tobad!!!', channel: 'wallet' }]);
    expect(await cashOf(BUYER, tokens.buyer)).toMatchObject({ cash: before['cash'] });
  });

  it('goes back to 已付款 when its refund is refused', async () => {
    const { tokens, done, statusOf } = market;
    const oid = await market.paid();
    await done('applyRefund', { oid, reason: 'no' }, tokens.buyer);
    await done('handleRefund', { oid, agree: false, reason: 'all is well' }, tokens.operator);
    expect(await statusOf(oid)).toBe('已付款');
  });
});

describe('an error', () => {
  const deal = { subject: 'x', amount: 100, userId: BUYER, receiverId: SELLER };
  it.each<[string, string, Fields, number]>([
    ['a missing subject', 'initOrder', { ...deal, subject: undefined }, 2],
    ['a missing receiver', 'initOrder', { ...deal, receiverId: undefined }, 8],
    ['an empty receiver', 'initOrder', { ...deal, receiverId: '' }, 8],
    ['an unknown receiver', 'initOrder', { ...deal, receiverId: 'nobody' }, 7],
    ['an unknown buyer', 'initOrder', { ...deal, userId: 'nobody' }, 7],
    ['the buyer as receiver', 'initOrder', { ...deal, receiverId: BUYER }, 2],
    ['no amount', 'initOrder', { ...deal, amount: 0 }, 2],
    ['a negative amount', 'initOrder', { ...deal, amount: -1 }, 2],
    ['half a fen', 'initOrder', { ...deal, amount: 0.5 }, 12],
    ['too much', 'initOrder', { ...deal, amount: 1e21 }, 2],
    ['an amount that is a text', 'initOrder', { ...deal, amount: 'much' }, 12],
    ['a subject that is a number', 'initOrder', { ...deal, subject: 7 }, 12],
    ['a type that nobody knows', 'initOrder', { ...deal, type: 'gift' }, 2],
    ['a nextAction of an unknown type', 'initOrder', { ...deal, nextAction: { type: 99 } }, 2],
    ['an order that nobody knows', 'payByPing', { oid: 'f'.repeat(24), channel: 'alipay' }, 6],
    ['a channel that nobody knows', 'payByPing', { oid: 'f'.repeat(24), channel: 'cash' }, 2],
    ['a wrong pay password', 'payByWallet', { payPass: 'wrong!', userId: STRANGER, oid: 'x' }, 4],
    ['another’s order', 'payByWallet', { payPass: PAY_PASS, userId: STRANGER, oid: 'x' }, 6],
    ['nobody’s wallet', 'payByWallet', { payPass: PAY_PASS, userId: 'nobody', oid: 'x' }, 7],
    ['an order that nobody knows', 'confirmOrder', { id: 'x' }, 6],
    ['a conversation that nobody knows', 'shouldContinueTalk', { chatId: 'nowhere' }, 6],
    ['a wrong login password', 'confirmPass', { uid: STRANGER, pass: 'wrong' }, 4],
    ['no name for whom to list', 'getOrder', {}, 2],
    ['a page that is none', 'getOrder', { uid: BUYER, pageNo: 0 }, 2],
    ['a page that is too large', 'getOrder', { uid: BUYER, pageSize: 101 }, 2],
    [
      'below 10 fen',
      'withdrawCash',
      { payPass: PAY_PASS, userId: STRANGER, alipayNo: 'a', alipayName: 'b', amount: 9 },
      2,
    ],
    [
      'more than there is',
      'withdrawCash',
      { payPass: PAY_PASS, userId: STRANGER, alipayNo: 'a', alipayName: 'b', amount: 10 },
      10,
    ],
    ['an account without a name', 'withdrawCash', { payPass: PAY_PASS, userId: STRANGER, alipayNo: 'a' }, 2],
  ])('%s: %s', async (_what, name, body, code) => {
    const { status, json } = await market.call(name, body);
    expect([status, json]).toEqual([200, { success: false, code, msg: expect.any(String) as string }]);
  });

  it('of too little in the wallet is 10, and nothing is paid', async () => {
    const oid = String((await market.newOrder({ amount: 9_999_999 }))['_id']);
    const body = { payPass: PAY_PASS, userId: BUYER, oid };
    expect((await market.call('payByWallet', body)).json).toMatchObject({ code: 10, msg: '用户余额不足' });
    expect(await market.statusOf(oid)).toBe('未支付');
  });

  it('of a refund names itself twice', async () => {
    const oid = String((await market.newOrder())['_id']);
    const { json } = await market.call('applyRefund', { oid, reason: 'x' }, market.tokens.buyer);
    expect(json).toMatchObject({ success: false, code: 2 });
    expect(json['error']).toBe(json['msg']);
  });

  it('S3 of the old pay password is in the document’s own words, and five of them lock', async () => {
    const { tokens, call } = market;
    const wish = { uid: STRANGER, newPass: '654321' };
    const wrong = { success: false, code: 4, msg: 'the old pass is wrong' };
    expect((await call('setPayPass', wish, tokens.stranger)).json).toEqual(wrong);
    for (let time = 0; time < 5; time += 1) {
      expect((await call('setPayPass', { ...wish, oldPass: `no-${time}` }, tokens.stranger)).json).toEqual(
        wrong,
      );
    }
    const locked = (await call('setPayPass', { ...wish, oldPass: PAY_PASS }, tokens.stranger)).json;
    expect(locked).toMatchObject({ code: 4, msg: expect.stringContaining('分钟') as string });
  });

  it.each([
    ['a path that is none', 'POST', '/api/v1/nothing', 404],
    ['another method', 'GET', '/api/v1/initOrder', 405],
    ['a wrong token', 'POST', '/api/v1/getCash', 401],
  ])('of %s has the same shape', async (_what, method, path, status) => {
    const answer = await market.api.send(method, path, {
      ...(method === 'POST' && { body: { uid: BUYER, accessToken: 'hf_tok_wrong' } }),
    });
    expect([answer.status, answer.json]).toMatchObject([status, { success: false, code: 2 }]);
  });
});

describe('every request of the document', async () => {
  const golden = await readGolden('market');

  /** What the document's places stand for, made anew for each call. */
  const makers: Record<string, () => Promise<string> | string> = {
    $buyer: () => BUYER,
    $seller: () => SELLER,
    $buyerToken: () => market.tokens.buyer,
    $payPass: () => PAY_PASS,
    $loginPass: () => LOGIN_PASS,
    $unpaid: async () => String((await market.newOrder())['_id']),
    $payable: async () => {
      await market.topUp(BUYER, 100);
      return String((await market.newOrder())['_id']);
    },
    $held: () => market.paid(),
    $refundable: () => market.paid(),
    $confirmable: () => market.paid(),
    $completed: async () => {
      const oid = await market.paid();
      await market.done('confirmOrder', { id: oid });
      return oid;
    },
    $chat: async () => {
      await market.paid({ chatId: 'room_golden' });
      return 'room_golden';
    },
  };

  async function filled(request: Fields): Promise<Fields> {
    const entries = Object.entries(request).map(async ([name, value]) => [
      name,
      typeof value === 'string' && value in makers ? await makers[value]?.() : value,
    ]);
    return Object.fromEntries(await Promise.all(entries)) as Fields;
  }

  /** What has to be so before it. */
  async function prepare(name: string): Promise<void> {
    if (name === 'withdrawCash') await market.done('confirmOrder', { id: await market.paid() });
    if (name === 'getOrder') await market.paid();
  }

  /** So that the next one finds it as it was. */
  async function restore(name: string): Promise<void> {
    if (name !== 'setPayPass') return;
    const wish = { uid: BUYER, newPass: PAY_PASS, oldPass: '654321' };
    await market.done('setPayPass', wish, market.tokens.buyer);
  }

  it.each(
    WAYS_TO_SEND.flatMap((how) => Object.entries(golden).map(([name, one]) => [how, name, one] as const)),
  )('answers as printed, sent as %s: %s', async (how, name, { request, response }) => {
    await prepare(name);
    const answer = await market.api.send('POST', `/api/v1/${name}`, sentAs(how, await filled(request)));
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('"success":true')]);
    expectDocumented(answer.json, response, name);
    await restore(name);
  });
});
