/** What each type's parameters are, as the source document writes them, and what is refused by its path. */
import { describe, expect, it } from 'vitest';
import { flattenNextAction } from './chain.js';
import { HoldfastError } from './errors.js';
import { ACTION_NAMES, NEXT_ACTIONS } from './next-actions.js';

const parametersOf = (action: object): unknown => flattenNextAction(action)[0]?.parameters;

it('there are 24 types, each number once', () => {
  const numbers = ACTION_NAMES.map((name) => NEXT_ACTIONS[name].type).toSorted((a, b) => a - b);
  expect(numbers).toEqual(Array.from({ length: 24 }, (_, type) => type));
});

describe('the parameters of an action', () => {
  it.each([
    [{ type: 1, id: '77' }, { id: '77' }],
    [{ type: 3, id: 1234 }, { id: '1234' }],
    [
      { type: 4, shopId: 888, money: 88 },
      { shopId: '888', money: '88.00' },
    ],
    [
      { type: 4, uid: '888', money: '0.29' },
      { shopId: '888', uid: '888', money: '0.29' },
    ],
    [
      { type: 4, uid: '5552c15fa145bd880311a245', money: 1 },
      { shopId: '', uid: '5552c15fa145bd880311a245', money: '1.00' },
    ],
    [
      { type: 4, shopId: '', uid: 888, money: 1 },
      { shopId: '', money: '1.00' },
    ],
    [
      { type: 5, amount: '99', refCode: 7, remark: '', extJsonStr: '{"a":[1]}' },
      { amount: '99.00', refCode: '7', remark: '', extJsonStr: { a: [1] } },
    ],
    [
      { type: 6, userLevelPriceId: '5', isAutoRenew: 'false' },
      { userLevelPriceId: '5', isAutoRenew: false },
    ],
    [
      { type: 6, userLevelPriceId: 5, isAutoRenew: 'true' },
      { userLevelPriceId: '5', isAutoRenew: true },
    ],
    [
      { type: 7, couponRuleId: 1234, pwd: 1234 },
      { couponRuleId: '1234', pwd: '1234' },
    ],
    [
      { type: 8, token: 'tok-1', couponId: 9908 },
      { token: 'tok-1', couponId: '9908' },
    ],
    [{ type: 9, orderId: 123456 }, { orderId: '123456' }],
    [
      { type: 9, orderId: 123456, couponId: 9908 },
      { orderId: '123456', couponId: '9908' },
    ],
    [{ type: 12, id: 7, whatever: true }, {}],
    [
      { type: 16, priceId: 88, name: '组织名称' },
      { priceId: '88', name: '组织名称' },
    ],
    [
      { type: 18, goodsId: 77, number: '88' },
      { goodsId: '77', number: 88 },
    ],
    [{ type: 21, pullTimes: 10 }, { pullTimes: 10 }],
  ])('%j are read as %j', (action, parameters) => {
    expect(parametersOf(action)).toEqual(parameters);
  });

  it('of several coupons make a step each', () => {
    expect(flattenNextAction({ type: 9, orderId: 1, couponId: '8,9' })).toMatchObject([
      { path: '0:8', parameters: { orderId: '1', couponId: '8' } },
      { path: '0:9', parameters: { orderId: '1', couponId: '9' } },
    ]);
  });

  it.each([
    [{ type: 1, id: 'OD1807220151884127' }, 'nextAction.id'],
    [{ type: 3 }, 'nextAction.id'],
    [{ type: 3, id: '1,2' }, 'nextAction.id'],
    [{ type: 4, money: '1' }, 'nextAction.shopId'],
    [{ type: 4, shopId: 1, money: '1e3' }, 'nextAction.money'],
    [{ type: 4, shopId: 1, money: 0 }, 'nextAction.money'],
    [{ type: 4, shopId: 1, money: -1 }, 'nextAction.money'],
    [{ type: 5, amount: '0.001' }, 'nextAction.amount'],
    [{ type: 5, amount: 1, extJsonStr: '[1]' }, 'nextAction.extJsonStr'],
    [{ type: 5, amount: 1, extJsonStr: '{"__proto__":{"a":1}}' }, 'nextAction.extJsonStr'],
    [{ type: 6, userLevelPriceId: 1, isAutoRenew: 'yes' }, 'nextAction.isAutoRenew'],
    [{ type: 7, couponRuleId: 1, pwd: { from: 'config', key: 'K' } }, 'nextAction.pwd'],
    [{ type: 8, token: ['a'] }, 'nextAction.token'],
    [{ type: 9, orderId: 1, couponId: '7,7' }, 'nextAction.couponId'],
    [{ type: 16, priceId: 1, name: '' }, 'nextAction.name'],
    [{ type: 16, priceId: 1, name: 'a\u0000b' }, 'nextAction.name'],
    [{ type: 17, organizeId: 1 }, 'nextAction.priceId'],
    [{ type: 18, goodsId: 1, number: 0 }, 'nextAction.number'],
    [{ type: 21, pullTimes: 1.5 }, 'nextAction.pullTimes'],
    [{ type: 21, pullTimes: 1e21 }, 'nextAction.pullTimes'],
    [{ type: 24 }, 'nextAction.type'],
    [{ type: '0', id: 1 }, 'nextAction.type'],
    [{ type: 12, nextAction: { type: 20 } }, 'nextAction.nextAction.taskId'],
  ])('%j are refused, and %s is named', (action, path) => {
    let refusal: unknown;
    try {
      flattenNextAction(action);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(HoldfastError);
    const { code, details } = refusal as HoldfastError;
    expect([code, details['path']]).toEqual(['invalid_next_action', expect.stringContaining(path)]);
  });
});
