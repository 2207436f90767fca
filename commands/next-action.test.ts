import { describe, expect, it } from 'vitest';
import { parseNextAction } from './next-action.js';

/** `path name parameters` of each step. */
const steps = (given: unknown): unknown[] =>
  parseNextAction(given).map(({ path, name, parameters }) => [path, name, parameters]);

const padded = (length: number): string => '{type:0,id:1}'.padEnd(length, ' ');

const MESSAGE = { smsId: '111', mobile: '13500000000' };

describe('a nextAction as the source document prints it', () => {
  it.each<[string, string, unknown[]]>([
    ['one shop order', '{type:0, id:1234}', [['0', 'payShopOrder', { id: '1234' }]]],
    [
      'several shop orders',
      '{type:0, id:"77,88,99"}',
      [
        ['0:77', 'payShopOrder', { id: '77' }],
        ['0:88', 'payShopOrder', { id: '88' }],
        ['0:99', 'payShopOrder', { id: '99' }],
      ],
    ],
    [
      'a message',
      '{type:2, smsId:111, mobile:"13500000000", postJsonString:{code:1234, product:"参数2"}}',
      [['0', 'sendSms', { ...MESSAGE, postJsonString: { code: 1234, product: '参数2' } }]],
    ],
    [
      'a message with variables',
      '{type:2, smsId:111, mobile:{from:"config", key:"SEND_MOBILE"}, postJsonString:{code:1234, product:{from:"config", key:"SMS_PRODUCT_NAME"}}}',
      [
        [
          '0',
          'sendSms',
          {
            smsId: '111',
            mobile: { from: 'config', key: 'SEND_MOBILE' },
            postJsonString: { code: 1234, product: { from: 'config', key: 'SMS_PRODUCT_NAME' } },
          },
        ],
      ],
    ],
    [
      'a nested message',
      '{type:0, id:129192, nextAction:{type:2, smsId:111, mobile:"13500000000", postJsonString:{code:9988, product:"工厂"}}}',
      [
        ['0', 'payShopOrder', { id: '129192' }],
        ['0.0', 'sendSms', { ...MESSAGE, postJsonString: { code: 9988, product: '工厂' } }],
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(steps(text)).toEqual(expected);
  });

  it('reads the same from an object, from JSON and from an object literal', () => {
    const object = { type: 0, id: 7, nextAction: { type: 2, ...MESSAGE } };
    const literal = "{type: 0, id: 7, nextAction: {type: 2, smsId: '111', mobile: '13500000000',},}";
    expect(steps(JSON.stringify(object))).toEqual(steps(object));
    expect(steps(literal)).toEqual(steps(object));
  });

  it('takes the values of a message as JSON text too', () => {
    const [step] = parseNextAction({ type: 2, ...MESSAGE, postJsonString: '{"code":1234}' });
    expect(step?.parameters['postJsonString']).toEqual({ code: 1234 });
  });

  it.each([
    ['nothing', ''],
    ['a call', 'process.exit(1)'],
    ['a function', '{type:0, id:(() => 1)()}'],
    ['a template literal', '{type:0, id:`1`}'],
    ['a getter', '{get type() { return 0 }, id:1}'],
    ['two objects', '{type:0,id:1}{type:0,id:2}'],
    ['a broken end', '{type:0, id:1'],
    ['a name that is no literal', '{type:ZERO, id:1}'],
  ])('is parsed and never evaluated: %s', (_what, text) => {
    expect(() => parseNextAction(text)).toThrow('nextAction is neither JSON nor a plain object literal');
  });

  it('is at most 16 KiB of text', () => {
    expect(steps(padded(16_384))).toHaveLength(1);
    expect(() => parseNextAction(padded(16_385))).toThrow('longer than 16384');
  });

  it('may not reach the prototype by way of JSON5', () => {
    const text = '{type:2, smsId:1, mobile:"13500000000", postJsonString:{"__proto__":{polluted:1}}}';
    expect(() => parseNextAction(text)).toThrow('nextAction.postJsonString holds a key that is not allowed');
    expect({}).not.toHaveProperty('polluted');
  });
});
