import { AlipaySdk } from 'alipay-sdk';
import { afterEach, describe, expect, it } from 'vitest';
import {
  ALIPAY_PAID,
  NO,
  alipayThatHears,
  merchantKeys,
  providerKeys,
  refuseAlipay,
  signAlipay,
  stopGateways,
} from './test-gateways.js';
import { failureOf, type LoopbackAnswer, makeKnown, makeAttempt, signRsa } from './test-support.js';

afterEach(stopGateways);

describe('alipay: answers that cannot be trusted', () => {
  const forged = JSON.stringify(ALIPAY_PAID);
  const old = JSON.stringify({ ...ALIPAY_PAID, trade_status: 'WAIT_BUYER_PAY' });
  const oldSign = signRsa(old, providerKeys.privateKey);
  const name = 'alipay_trade_query_response';

  it.each<[string, LoopbackAnswer]>([
    ['signed by somebody else', signAlipay('alipay.trade.query', ALIPAY_PAID, merchantKeys.privateKey)],
    ['changed after it was signed', { body: `{"${name}":${forged},"sign":"${oldSign}"}` }],
    ['not signed', { body: `{"${name}":${forged}}` }],
    [
      'an error of the gateway',
      {
        body: `{"error_response":${JSON.stringify(refuseAlipay('40002', 'isv.invalid-app-id'))},"sign":"${oldSign}"}`,
      },
    ],
    [
      'forged beside an old signed part',
      { body: `{"error_response":${forged},"x":${old},"sign":"${oldSign}"}` },
    ],
    ['the same name twice', { body: `{"${name}":${old},"${name}":${forged},"sign":"${oldSign}"}` }],
    ['of status 500', { status: 500, body: 'oops' }],
    ['a page of a proxy', { body: '<html></html>' }],
    ['of another call', signAlipay('alipay.trade.close', ALIPAY_PAID)],
  ])('%s: the outcome is unknown', async (_title, answer) => {
    const { alipay } = await alipayThatHears(() => answer);
    const error = await failureOf(() => alipay.query(makeKnown(NO)));
    expect(error.code).toBe('channel_unknown_outcome');
    expect(error.details).toEqual({ channel: 'alipay', operation: 'alipay.trade.query' });
    expect(String(error.cause)).not.toContain(oldSign.slice(0, 20));
  });

  it('shows why the shape of an answer is checked: the client alone takes the forged one', async () => {
    const { config } = await alipayThatHears(() => ({
      body: `{"error_response":${forged},"x":${old},"sign":"${oldSign}"}`,
    }));
    const sdk = new AlipaySdk({ ...config, keyType: 'PKCS8', camelcase: false });
    const bizContent = { out_trade_no: NO };
    const answer = await sdk.exec('alipay.trade.query', { bizContent }, { validateSign: true });
    expect(answer['trade_status']).toBe('TRADE_SUCCESS');
  });

  it.each(['/', '\\/'])('takes a true signature with its slashes written as %s', async (slash) => {
    const { alipay } = await alipayThatHears((method) => {
      const { body } = signAlipay(method, ALIPAY_PAID);
      return { body: body.replaceAll('/', slash) };
    });
    expect((await alipay.query(makeKnown(NO))).state).toBe('paid');
  });

  it('gives up at its deadline when no answer comes', async () => {
    const { alipay } = await alipayThatHears(() => undefined);
    const error = await failureOf(() => alipay.query(makeKnown(NO)));
    expect(error.code).toBe('channel_unknown_outcome');
    expect(String(error.cause)).toMatch(/400/);
  });

  it('gives up at its deadline when the answer trickles in', async () => {
    const { alipay } = await alipayThatHears(() => ({ trickles: true, body: '{' }));
    expect((await failureOf(() => alipay.query(makeKnown(NO)))).code).toBe('channel_unknown_outcome');
  });

  it('does not know what became of a call to nobody', async () => {
    const { alipay, gateway } = await alipayThatHears(() => undefined);
    await gateway.stop();
    expect((await failureOf(() => alipay.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });
});
