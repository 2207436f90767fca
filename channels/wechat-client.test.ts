import { afterEach, describe, expect, it } from 'vitest';
import {
  NO,
  WECHAT_PAID,
  merchantKeys,
  refuseWechat,
  signWechatAnswer,
  stopGateways,
  wechatThatHears,
} from './test-gateways.js';
import { failureOf, type LoopbackAnswer, makeKnown } from './test-support.js';

afterEach(stopGateways);

describe('wechat: answers that cannot be trusted', () => {
  it.each<[string, LoopbackAnswer]>([
    ['signed by somebody else', signWechatAnswer(WECHAT_PAID, { key: merchantKeys.privateKey })],
    ['signed with a key we do not have', signWechatAnswer(WECHAT_PAID, { serial: 'PUB_KEY_ID_1' })],
    ['signed 400 s ago', signWechatAnswer(WECHAT_PAID, { offsetS: -400 })],
    ['not signed', { body: JSON.stringify(WECHAT_PAID) }],
    ['about another trade', signWechatAnswer({ ...WECHAT_PAID, out_trade_no: 'other' })],
    ['without its state', signWechatAnswer({ out_trade_no: NO })],
    [
      'paid, with an amount of parts of a fen',
      signWechatAnswer({ ...WECHAT_PAID, amount: { total: 0.5, currency: 'CNY' } }),
    ],
    ['of status 500', refuseWechat(500, 'SYSTEM_ERROR')],
    ['too many calls', refuseWechat(429, 'FREQUENCY_LIMITED')],
    ['a signature of ours that was refused', refuseWechat(401, 'SIGN_ERROR')],
    ['a page of a proxy', { status: 403, body: '<html></html>' }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
  ])('is unknown when the answer is %s', async (_title, answer) => {
    const { wechat } = await wechatThatHears(() => answer);
    const error = await failureOf(() => wechat.query(makeKnown(NO)));
    expect(error).toMatchObject({
      code: 'channel_unknown_outcome',
      details: { channel: 'wechat', operation: 'v3/pay/transactions/out-trade-no' },
    });
  });

  it.each<[string, LoopbackAnswer | undefined]>([
    ['no answer comes', undefined],
    ['the answer trickles in', { trickles: true, body: '{' }],
  ])('gives up at its deadline when %s', async (_title, answer) => {
    const { wechat } = await wechatThatHears(() => answer);
    expect((await failureOf(() => wechat.query(makeKnown(NO)))).code).toBe('channel_unknown_outcome');
  });
});
