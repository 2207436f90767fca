import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Posting } from './channel.js';
import { NO } from './test-gateways.js';
import {
  CHARGE,
  PAID,
  list,
  makeCharge,
  makeRefundObject,
  pingppThatHears,
  refusePingpp,
  say,
  stopPingpp,
} from './test-pingpp.js';
import { type LoopbackAnswer, failureOf, makeRefund, refunds } from './test-support.js';

afterEach(stopPingpp);

const REQUEST = makeRefund({ outTradeNo: NO, refundNo: `${NO}r1`, providerTradeNo: CHARGE });

/** What the charge's list shows, call by call, and how a posting is answered: by null, never. */
async function refundsThat(
  listed: LoopbackAnswer | undefined | (LoopbackAnswer | undefined)[],
  posted: LoopbackAnswer | null = say(makeRefundObject({ status: 'pending', time_succeed: null })),
  charge: LoopbackAnswer = say(makeCharge(PAID)),
) {
  const pages = Array.isArray(listed) ? [...listed] : undefined;
  const { pingpp, asked } = await pingppThatHears(({ method, path }) => {
    if (method === 'POST') return posted ?? undefined;
    if (!path.endsWith('/refunds')) return charge;
    return pages === undefined ? (listed as LoopbackAnswer | undefined) : pages.shift();
  });
  const posts = () => asked.filter(({ method }) => method === 'POST');
  return { ...refunds(pingpp), asked, posts };
}

/** Tells what was done with the right to post. */
function watched(free = true): Posting & { told: string[] } {
  const told: string[] = [];
  return {
    told,
    async begin() {
      told.push('begin');
      return free;
    },
    async end() {
      told.push('end');
    },
  };
}

describe('a refund', () => {
  it('carries our number where a retry can find it', async () => {
    const { refund, asked } = await refundsThat(list([]));
    const posting = watched();
    expect(await refund(REQUEST, posting)).toEqual({ state: 'processing' });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET /v1/charges/${CHARGE}/refunds`,
      `POST /v1/charges/${CHARGE}/refunds`,
    ]);
    expect(asked[1]?.body).toEqual({ amount: 530, description: `${NO}r1 课程取消` });
    expect(posting.told).toEqual(['begin', 'end']);
  });

  it.each([
    ['succeeded', { state: 'succeeded', providerRefundNo: 're_9f8e7d6c5b4a3921abcdefgh' }],
    ['pending', { state: 'processing' }],
    ['failed', { state: 'failed', providerStatus: 'failed' }],
    ['refunding', { state: 'unknown', providerStatus: 'refunding' }],
  ])('M6: that is there already is not posted again: %s', async (status, state) => {
    const { refund, queryRefund, posts } = await refundsThat(list([makeRefundObject({ status })]));
    const posting = watched();
    expect(await refund(REQUEST, posting)).toMatchObject(state);
    expect(await queryRefund(REQUEST)).toMatchObject(state);
    expect(posts()).toEqual([]);
    expect(posting.told).toEqual(['begin', 'end']);
  });

  it('M6: is looked for on every page', async () => {
    const other = makeRefundObject({ id: 're_1', description: `${NO}r10 x` });
    const { refund, posts } = await refundsThat([list([other], true), list([makeRefundObject()])]);
    expect((await refund(REQUEST)).state).toBe('succeeded');
    expect(posts()).toEqual([]);
  });

  it.each([
    ['failed', 'succeeded', 'succeeded'],
    ['pending', 'succeeded', 'succeeded'],
    ['failed', 'pending', 'processing'],
    ['pending', 'failed', 'processing'],
  ])('M6: that is there twice, %s and %s, is %s', async (newer, older, state) => {
    const both = [newer, older].map((status, nth) => makeRefundObject({ id: `re_${nth}`, status }));
    const { queryRefund } = await refundsThat(list(both));
    expect((await queryRefund(REQUEST)).state).toBe(state);
  });

  it.each([
    ['of another number', { description: `${NO}r10 课程取消` }],
    ['made by hand', { description: `退款 ${NO}r1` }],
  ])('is not mistaken for one %s', async (_what, change) => {
    const { refund, posts } = await refundsThat(list([makeRefundObject(change)]));
    expect(await refund(REQUEST)).toEqual({ state: 'processing' });
    expect(posts()).toHaveLength(1);
  });

  it('M6: waits while another posting of it may be under way', async () => {
    const { refund, posts } = await refundsThat([list([]), list([makeRefundObject()])]);
    expect((await failureOf(() => refund(REQUEST, watched(false)))).code).toBe('channel_unknown_outcome');
    expect((await refund(REQUEST, watched(false))).state).toBe('succeeded');
    expect(posts()).toEqual([]);
  });
});

it('M6: a refund is not posted by a process that was stopped on the way to it', async () => {
  const { refund, posts } = await refundsThat(list([]));
  const now = vi.spyOn(Date, 'now');
  const posting = watched();
  const stopped: Posting = {
    async begin() {
      now.mockReturnValue(Date.now() + 11_000);
      return posting.begin();
    },
    end: () => posting.end(),
  };
  expect((await failureOf(() => refund(REQUEST, stopped))).code).toBe('channel_unknown_outcome');
  now.mockRestore();
  expect(posts()).toEqual([]);
  expect(posting.told).toEqual(['begin', 'end']);
});

describe('M9: a refund that nobody knows of', () => {
  it.each([
    ['no answer', null, ['begin']],
    ['a page', { body: '<html>' }, ['begin']],
    ['a 502 of a proxy', { status: 502, body: 'Bad Gateway' }, ['begin']],
    ['an answer about another refund', say(makeRefundObject({ amount: 1 })), ['begin', 'end']],
    ['a failure of Ping++', refusePingpp(500, 'api_error'), ['begin', 'end']],
    ['a balance that is too low', refusePingpp(402, 'channel_error'), ['begin', 'end']],
    ['a refused key', refusePingpp(401, 'invalid_request_error'), ['begin', 'end']],
    ['no such charge', refusePingpp(404, 'invalid_request_error'), ['begin', 'end']],
  ])('stays open after %s', async (_what, posted, told) => {
    const { refund } = await refundsThat(list([]), posted);
    const posting = watched();
    expect((await failureOf(() => refund(REQUEST, posting))).code).toBe('channel_unknown_outcome');
    // Only an answer says that nothing is under way.
    expect(posting.told).toEqual(told);
  });

  it.each([
    ['unpaid', makeCharge()],
    ['taken back', makeCharge({ ...PAID, reversed: true })],
  ])('stays open when the charge is said to be %s', async (_what, charge) => {
    const { refund } = await refundsThat(list([]), refusePingpp(400, 'invalid_request_error'), say(charge));
    expect((await failureOf(() => refund(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    ['no answer', undefined],
    ['a failure', refusePingpp(500, 'api_error')],
    ['a page', { body: '<html>' }],
    ['a refund over another amount', list([makeRefundObject({ amount: 531 })])],
    ['a refund of another charge', list([makeRefundObject({ charge: 'ch_other' })])],
  ])('is not posted when the search for it comes to %s', async (_what, listed) => {
    const { refund, queryRefund, posts } = await refundsThat(listed);
    const posting = watched();
    expect((await failureOf(() => refund(REQUEST, posting))).code).toBe('channel_unknown_outcome');
    expect((await failureOf(() => queryRefund(REQUEST))).code).toBe('channel_unknown_outcome');
    expect(posts()).toEqual([]);
    expect(posting.told).toEqual(['begin', 'end']);
  });

  it('is told from one that is not there', async () => {
    const { queryRefund } = await refundsThat(list([]));
    expect(await queryRefund(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'no such refund' });
  });
});

it('a refund is given up when it is refused for good, and its charge is paid', async () => {
  const { refund } = await refundsThat(
    list([]),
    refusePingpp(400, 'invalid_request_error', { code: 'refund_amount_invalid' }),
  );
  expect(await failureOf(() => refund(REQUEST))).toMatchObject({
    code: 'channel_refused',
    details: { providerCode: 'refund_amount_invalid' },
  });
});
