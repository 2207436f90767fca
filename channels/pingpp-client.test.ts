import { afterEach, describe, expect, it } from 'vitest';
import { NO } from './test-gateways.js';
import {
  CHARGE,
  PAID,
  list,
  makeCharge,
  pingppThatHears,
  refusePingpp,
  say,
  stopPingpp,
} from './test-pingpp.js';
import { type LoopbackAnswer, failureOf, makeAttempt, makeKnown } from './test-support.js';

afterEach(stopPingpp);

const KNOWN = makeKnown(NO, { chargeId: CHARGE, charge: '{}' });

describe('a refused charge', () => {
  it.each([
    [400, 'invalid_request_error', 'channel_refused'],
    [401, 'invalid_request_error', 'channel_refused'],
    [402, 'channel_error', 'channel_refused'],
    [403, 'invalid_request_error', 'channel_unknown_outcome'],
    [429, 'invalid_request_error', 'channel_unknown_outcome'],
    [500, 'api_error', 'channel_unknown_outcome'],
    [400, 'api_error', 'channel_unknown_outcome'],
  ] as const)('T1: with %i %s comes to %s', async (status, type, code) => {
    const { pingpp } = await pingppThatHears(({ method }) =>
      method === 'POST' ? refusePingpp(status, type, { code: 'some_code' }) : list([]),
    );
    const error = await failureOf(() => pingpp.create(makeAttempt('qr')));
    expect(error).toMatchObject({ code, details: { providerCode: 'some_code', httpStatus: status } });
  });

  it('is not given up where the number has a charge', async () => {
    const { pingpp } = await pingppThatHears(({ method }) =>
      method === 'POST' ? refusePingpp(400, 'invalid_request_error') : list([makeCharge(PAID)]),
    );
    expect((await failureOf(() => pingpp.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });
});

const ODD: [what: string, answer: LoopbackAnswer | undefined][] = [
  ['no answer', undefined],
  ['a body that trickles', { body: ' ', trickles: true }],
  ['a page', { body: '<html>ok</html>' }],
  ['nothing', { body: '' }],
  ['null', { body: 'null' }],
  ['a 502 of a proxy', { status: 502, body: '<html>Bad Gateway</html>' }],
  ['a refusal without a reason', { status: 400, body: '{}' }],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' }, body: '' }],
  ['another amount', say(makeCharge({ amount: 1 }))],
  ['no number', say(makeCharge({ id: '' }))],
  ['an amount of half a fen', say(makeCharge({ amount: 1230.5 }))],
  ['a yes that is text', say(makeCharge({ paid: 'true' }))],
  ['a time that is text', say(makeCharge({ ...PAID, time_paid: '2026' }))],
];

describe('T1: an odd answer', () => {
  it.each(ODD)('to a posting says nothing: %s', async (_what, answer) => {
    const { pingpp } = await pingppThatHears(() => answer);
    expect((await failureOf(() => pingpp.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    ['another order', makeCharge({ order_no: 'other' })],
    ['another channel', makeCharge({ channel: 'wx_pub_qr' })],
    ['nothing to pay by', makeCharge({ credential: [] })],
  ])('to a posting with %s says nothing', async (_what, charge) => {
    const { pingpp } = await pingppThatHears(() => say(charge));
    expect((await failureOf(() => pingpp.create(makeAttempt('qr')))).code).toBe('channel_unknown_outcome');
  });

  it.each(ODD.filter(([what]) => what !== 'another amount'))(
    'to a question says nothing: %s',
    async (_what, answer) => {
      const { pingpp } = await pingppThatHears(() => answer);
      expect((await failureOf(() => pingpp.query(KNOWN))).code).toBe('channel_unknown_outcome');
    },
  );

  it.each([
    ['another order', say(makeCharge({ ...PAID, order_no: 'other' }))],
    ['another charge', say(makeCharge({ ...PAID, id: 'ch_other' }))],
    ['no such charge', refusePingpp(404, 'invalid_request_error')],
    ['a refused key', refusePingpp(401, 'invalid_request_error')],
  ])('to a question with %s says nothing', async (_what, answer) => {
    const { pingpp } = await pingppThatHears(() => answer);
    expect((await failureOf(() => pingpp.query(KNOWN))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => pingpp.close(KNOWN))).code).toBe('channel_unknown_outcome');
  });

  it('S4: keeps keys, signatures and answers out of its error', async () => {
    const { pingpp } = await pingppThatHears(() => ({ body: '{"secret-in-answer"' }));
    const error = await failureOf(() => pingpp.query(KNOWN));
    const text = JSON.stringify([error, error.message, error.details, String(error.cause)]);
    expect(text).not.toMatch(/sk_live|secret-in-answer|BEGIN/);
  });
});
