import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_CHAIN_DEPTH, MAX_CHAIN_STEPS, editedParameters, flattenNextAction } from './chain.js';
import { HoldfastError } from './errors.js';
import { ACTION_NAMES, NEXT_ACTIONS, actionName } from './next-actions.js';

const sms = (change: object = {}): object => ({ type: 2, smsId: 111, mobile: '13500000000', ...change });

const inner = (action: unknown): object => ({ type: 0, id: 1, nextAction: action });
const paths = (id: unknown): string[] => flattenNextAction({ type: 0, id }).map((step) => step.path);
const ids = (count: number): string => Array.from({ length: count }, (_, index) => index + 1).join(',');

/** `depth` actions, one inside the other. */
function nested(depth: number, innermost: object = { type: 0, id: 1 }): object {
  return depth === 1 ? innermost : { type: 0, id: depth, nextAction: nested(depth - 1, innermost) };
}

function refusalOf(call: () => unknown): { code: string; message: string; path: unknown } | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { code: error.code, message: error.message, path: error.details['path'] };
  }
}

describe('the steps of a chain', () => {
  it('stand outer first, each under its path', () => {
    const tree = {
      type: 0,
      id: 1,
      nextAction: { type: 2, smsId: 5, mobile: 13500000000, nextAction: sms() },
    };
    expect(flattenNextAction(tree)).toEqual([
      { path: '0', type: 0, name: 'payShopOrder', parameters: { id: '1' } },
      { path: '0.0', type: 2, name: 'sendSms', parameters: { smsId: '5', mobile: '13500000000' } },
      { path: '0.0.0', type: 2, name: 'sendSms', parameters: { smsId: '111', mobile: '13500000000' } },
    ]);
  });

  it('are one for each id of a comma list, and a single id needs no name of its own', () => {
    expect(paths('77,88,99')).toEqual(['0:77', '0:88', '0:99']);
    expect(paths('77')).toEqual(['0']);
    expect(paths(77)).toEqual(['0']);
    const second = flattenNextAction({
      type: 2,
      smsId: 1,
      mobile: '13500000000',
      nextAction: { type: 0, id: '7,8' },
    });
    expect(second.map((step) => step.path)).toEqual(['0', '0.0:7', '0.0:8']);
  });

  it('have paths of their own, whatever the tree', () => {
    const lists = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: MAX_CHAIN_DEPTH,
    });
    fc.assert(
      fc.property(lists, (levels) => {
        const tree = levels.reduceRight<object | undefined>(
          (inner, ids) => ({ type: 0, id: ids.join(','), ...(inner && { nextAction: inner }) }),
          undefined,
        );
        const steps = flattenNextAction(tree);
        expect(steps.map((step) => step.parameters['id'])).toEqual(levels.flat().map(String));
        expect(new Set(steps.map((step) => step.path)).size).toBe(steps.length);
      }),
    );
  });

  it('are none without a nextAction', () => {
    expect(flattenNextAction(undefined)).toEqual([]);
    expect(flattenNextAction(null)).toEqual([]);
    expect(flattenNextAction({ type: 0, id: 1, nextAction: null })).toHaveLength(1);
  });

  it('leave unknown fields out', () => {
    expect(flattenNextAction({ type: 0, id: 1, uid: 9 })[0]?.parameters).toEqual({ id: '1' });
  });

  it('may be ten levels deep, and not eleven', () => {
    expect(flattenNextAction(nested(MAX_CHAIN_DEPTH))).toHaveLength(10);
    expect(refusalOf(() => flattenNextAction(nested(MAX_CHAIN_DEPTH + 1)))).toEqual({
      code: 'invalid_next_action',
      path: `nextAction${'.nextAction'.repeat(10)}`,
      message: `nextAction${'.nextAction'.repeat(10)} is nested deeper than 10`,
    });
  });

  it('may be fifty, and not fifty-one', () => {
    expect(flattenNextAction({ type: 0, id: ids(MAX_CHAIN_STEPS) })).toHaveLength(50);
    expect(flattenNextAction({ type: 0, id: ids(49), nextAction: sms() })).toHaveLength(50);
    expect(refusalOf(() => flattenNextAction({ type: 0, id: ids(51) }))?.path).toBe('nextAction');
    expect(refusalOf(() => flattenNextAction({ type: 0, id: ids(50), nextAction: sms() }))).toMatchObject({
      path: 'nextAction.nextAction',
      message: 'nextAction.nextAction brings the chain over 50 steps',
    });
  });
});

describe('a nextAction that is not valid names the place', () => {
  const values = (given: unknown) => sms({ postJsonString: given });
  const deep = (depth: number): unknown => (depth === 0 ? 1 : { a: deep(depth - 1) });

  it.each<[string, unknown, string]>([
    ['a list', [], 'nextAction'],
    ['a number', 1, 'nextAction'],
    ['a word', 'x', 'nextAction'],
    ['false', false, 'nextAction'],
    ['no type', {}, 'nextAction.type'],
    ['type 24', { type: 24 }, 'nextAction.type'],
    ['type -1', { type: -1 }, 'nextAction.type'],
    ['a type that is a name', { type: 'sendSms' }, 'nextAction.type'],
    ['a type out of the prototype', { type: 'constructor' }, 'nextAction.type'],
    ['no type inside', inner({}), 'nextAction.nextAction.type'],
    ['a list inside', inner([]), 'nextAction.nextAction'],
    ['text inside', inner('{type:0,id:2}'), 'nextAction.nextAction'],
    ['no id', { type: 0 }, 'nextAction.id'],
    ['an OD number', { type: 0, id: 'OD1807220151884127' }, 'nextAction.id'],
    ['an OD number in a list', { type: 0, id: '77,OD1807220151884127' }, 'nextAction.id'],
    ['an id twice', { type: 0, id: '77,88,77' }, 'nextAction.id'],
    ['an empty list', { type: 0, id: '' }, 'nextAction.id'],
    ['a comma too many', { type: 0, id: '77,' }, 'nextAction.id'],
    ['a blank in a list', { type: 0, id: '77, 88' }, 'nextAction.id'],
    ['a leading zero', { type: 0, id: '077' }, 'nextAction.id'],
    ['id 0', { type: 0, id: 0 }, 'nextAction.id'],
    ['a negative id', { type: 0, id: -1 }, 'nextAction.id'],
    ['a fraction', { type: 0, id: 1.5 }, 'nextAction.id'],
    ['an id that no number holds', { type: 0, id: 2 ** 53 }, 'nextAction.id'],
    ['an array of ids', { type: 0, id: [77, 88] }, 'nextAction.id'],
    ['a variable where none may stand', { type: 0, id: { from: 'config', key: 'ID' } }, 'nextAction.id'],
    ['a variable for the type', { type: { from: 'config', key: 'T' }, id: 1 }, 'nextAction.type'],
    ['no template', inner({ type: 2, mobile: '13500000000' }), 'nextAction.nextAction.smsId'],
    ['no number', { type: 2, smsId: 1 }, 'nextAction.mobile'],
    ['a number with letters', sms({ mobile: '1350000000x' }), 'nextAction.mobile'],
    ['four digits', sms({ mobile: '1350' }), 'nextAction.mobile'],
    ['twenty-one digits', sms({ mobile: '1'.repeat(21) }), 'nextAction.mobile'],
    ['a line break in a number', sms({ mobile: '13500000000\n' }), 'nextAction.mobile'],
    ['another from', sms({ mobile: { from: 'env', key: 'K' } }), 'nextAction.mobile'],
    [
      'another from among the values',
      values({ a: { from: 'env', key: 'K' } }),
      'nextAction.postJsonString.a',
    ],
    ['a dotted key', sms({ mobile: { from: 'config', key: 'a.b' } }), 'nextAction.mobile.key'],
    [
      'a dotted key deep down',
      values({ a: [{ from: 'config', key: 'fee.platformBps' }] }),
      'nextAction.postJsonString.a.0',
    ],
    ['an empty key', values({ a: { from: 'config', key: '' } }), 'nextAction.postJsonString.a'],
    [
      'a key of 65 letters',
      values({ a: { from: 'config', key: 'k'.repeat(65) } }),
      'nextAction.postJsonString.a',
    ],
    ['values that are a list', values([1]), 'nextAction.postJsonString'],
    ['values that are null', values(null), 'nextAction.postJsonString'],
    ['values that are no JSON', values('nope'), 'nextAction.postJsonString'],
    ['values that are the JSON of a list', values('[1]'), 'nextAction.postJsonString'],
    ['a NUL in a value', values({ a: 'x\u0000' }), 'nextAction.postJsonString.a'],
    ['half a character in a value', values({ a: '\ud83d' }), 'nextAction.postJsonString.a'],
    ['a NUL in a name', values({ 'a\u0000': 1 }), 'nextAction.postJsonString'],
    ['__proto__', values(JSON.parse('{"__proto__":{"a":1}}')), 'nextAction.postJsonString'],
    ['__proto__ deeper', values(JSON.parse('{"a":{"__proto__":1}}')), 'nextAction.postJsonString.a'],
    ['__proto__ in JSON text', values('{"__proto__":1}'), 'nextAction.postJsonString'],
    ['constructor', values({ constructor: 1 }), 'nextAction.postJsonString'],
    ['a number that is not finite', values({ a: Infinity }), 'nextAction.postJsonString.a'],
    ['values eleven levels deep', values(deep(11)), `nextAction.postJsonString${'.a'.repeat(11)}`],
  ])('%s', (_what, tree, path) => {
    const refusal = refusalOf(() => flattenNextAction(tree));
    expect(refusal).toMatchObject({ code: 'invalid_next_action', path });
    expect(refusal?.message.startsWith(`${path} `)).toBe(true);
  });

  it('takes values ten levels deep', () => {
    expect(flattenNextAction(values(deep(10)))).toHaveLength(1);
  });

  it('takes variables anywhere in a message', () => {
    const variable = { from: 'config', key: 'A_b-1' };
    const parameters = {
      smsId: variable,
      mobile: variable,
      postJsonString: { a: variable, b: [{ c: variable }] },
    };
    expect(flattenNextAction({ type: 2, ...parameters })[0]?.parameters).toEqual(parameters);
    expect(flattenNextAction(values(variable))).toHaveLength(1);
  });
});

describe('new parameters of a parked step', () => {
  it('are checked like the first ones, and keep the type', () => {
    expect(editedParameters('payShopOrder', { id: 88, type: 2 })).toEqual({ id: '88' });
    expect(refusalOf(() => editedParameters('payShopOrder', { id: 'x' }))?.path).toBe('parameters.id');
    expect(refusalOf(() => editedParameters('sendSms', { smsId: 1 }))?.path).toBe('parameters.mobile');
  });

  it('name exactly one thing', () => {
    expect(refusalOf(() => editedParameters('payShopOrder', { id: '1,2' }))?.path).toBe('parameters');
  });

  it.each([null, undefined, [], 'id', 1])('are an object, not %j', (given) => {
    expect(refusalOf(() => editedParameters('payShopOrder', given))?.path).toBe('parameters');
  });
});

describe('the types of nextAction', () => {
  it('have a number each', () => {
    const numbers = ACTION_NAMES.map((name) => NEXT_ACTIONS[name].type);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it.each(ACTION_NAMES)('%s is found by its number', (name) => {
    expect(actionName(NEXT_ACTIONS[name].type)).toBe(name);
  });

  it('are known by their numbers as documented', () => {
    expect([actionName(0), actionName(2)]).toEqual(['payShopOrder', 'sendSms']);
    expect([24, -1, 0.5, NaN, '0', null, undefined].map(actionName)).toEqual(Array(7).fill(undefined));
  });
});
