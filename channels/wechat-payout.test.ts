import { createPrivateKey } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { Rsa } from 'wechatpay-axios-plugin';
import { fen } from '../domain/money.js';
import {
  merchantKeys,
  providerKeys,
  refuseWechat,
  signWechatAnswer,
  stopGateways,
  WECHAT_APP,
  type WechatAsked,
  wechatThatHears,
} from './test-gateways.js';
import { makePayout, payouts } from './test-payouts.js';
import { failureOf, type LoopbackAnswer } from './test-support.js';

const BILLS = '/v3/fund-app/mch-transfer/transfer-bills';
const REQUEST = makePayout({ account: { no: 'oUpF8uMuAJO_M2pxb1Q9zNjWeS6o', name: '沈括' } });
const BY_NUMBER = `${BILLS}/out-bill-no/${REQUEST.payoutNo}`;

const WAITING = {
  out_bill_no: REQUEST.payoutNo,
  transfer_bill_no: '1330000071100999991182020050700019480001',
  create_time: '2026-11-25T09:59:58+08:00',
  state: 'WAIT_USER_CONFIRM',
  package_info: 'affffddafdfafddffda==',
};
const { package_info: _package, ...ACCEPTED } = WAITING;
const SHOWN = {
  mch_id: '1900000001',
  out_bill_no: REQUEST.payoutNo,
  transfer_bill_no: WAITING.transfer_bill_no,
  appid: WECHAT_APP,
  state: 'SUCCESS',
  transfer_amount: 530,
  transfer_remark: '提现',
  openid: REQUEST.account.no,
  create_time: '2026-11-25T09:59:58+08:00',
  update_time: '2026-11-25T10:00:00+08:00',
};
const AWAITING = { state: 'awaiting_receiver', packageInfo: WAITING.package_info };
const PAID = {
  state: 'paid',
  providerPayoutNo: WAITING.transfer_bill_no,
  paidAt: new Date('2026-11-25T02:00:00Z'),
};

/** Every word of WeChat Pay's for a bill but the one that has a package, and one that it has not yet. */
const STATES: [string, object][] = [
  ['ACCEPTED', { state: 'processing' }],
  ['PROCESSING', { state: 'processing' }],
  ['TRANSFERING', { state: 'processing' }],
  ['SUCCESS', PAID],
  ['FAIL', { state: 'failed', providerStatus: 'FAIL', message: 'OVERDUE_CLOSE' }],
  ['CANCELING', { state: 'processing' }],
  ['CANCELLED', { state: 'failed', providerStatus: 'CANCELLED', message: 'OVERDUE_CLOSE' }],
  ['BANK_REFUND', { state: 'bounced', providerStatus: 'BANK_REFUND', message: 'OVERDUE_CLOSE' }],
  ['A_NEW_WORD', { state: 'unknown', providerStatus: 'A_NEW_WORD' }],
  ['constructor', { state: 'unknown', providerStatus: 'constructor' }],
];
const shown = (state: string): LoopbackAnswer =>
  signWechatAnswer({ ...SHOWN, state, fail_reason: 'OVERDUE_CLOSE' });

const UNTRUSTED: [string, LoopbackAnswer][] = [
  ['about another payout', signWechatAnswer({ ...SHOWN, out_bill_no: 'other' })],
  ['about another amount', signWechatAnswer({ ...SHOWN, transfer_amount: 531 })],
  ['about another receiver', signWechatAnswer({ ...SHOWN, openid: 'other' })],
  ['without an amount', signWechatAnswer({ ...SHOWN, transfer_amount: undefined })],
  ['without a number of WeChat Pay', signWechatAnswer({ ...SHOWN, transfer_bill_no: '' })],
  ['of a success without its time', signWechatAnswer({ ...SHOWN, update_time: undefined })],
  ['of a success at a time without a zone', signWechatAnswer({ ...SHOWN, update_time: '2026-11-25T10:00' })],
  ['signed by somebody else', signWechatAnswer(SHOWN, { key: merchantKeys.privateKey })],
  ['of status 500', refuseWechat(500, 'SYSTEM_ERROR')],
  ['too many calls', refuseWechat(429, 'FREQUENCY_LIMITED')],
  ['a signature of ours that was refused', refuseWechat(401, 'SIGN_ERROR')],
];
const ABSENT = refuseWechat(404, 'NOT_FOUND');

afterEach(stopGateways);

async function answering(answers: {
  transfer?: LoopbackAnswer;
  query?: LoopbackAnswer;
  cancel?: LoopbackAnswer;
}) {
  const { wechat, asked } = await wechatThatHears(({ method, path }: WechatAsked) => {
    if (path.endsWith('/cancel')) return answers.cancel;
    return method === 'POST' ? answers.transfer : answers.query;
  });
  return { ...payouts(wechat), asked };
}

const calls = (asked: readonly WechatAsked[]): string[] =>
  asked.map(({ method, path }) => `${method} ${path}`);

describe('wechat: what a payout query means', () => {
  it.each(STATES)('%s', async (state, expected) => {
    const { queryPayout, asked } = await answering({ query: shown(state) });
    expect(await queryPayout(REQUEST)).toEqual(expected);
    expect(calls(asked)).toEqual([`GET ${BY_NUMBER}`]);
  });

  it('WAIT_USER_CONFIRM, whose package the same call with the same number tells again', async () => {
    const { queryPayout, asked } = await answering({
      query: shown('WAIT_USER_CONFIRM'),
      transfer: signWechatAnswer(WAITING),
    });
    expect(await queryPayout(REQUEST)).toEqual(AWAITING);
    expect(calls(asked)).toEqual([`GET ${BY_NUMBER}`, `POST ${BILLS}`]);
  });

  it('WAIT_USER_CONFIRM, and its receiver takes it in the meantime', async () => {
    const transfer = signWechatAnswer({ ...ACCEPTED, state: 'TRANSFERING' });
    const { queryPayout } = await answering({ query: shown('WAIT_USER_CONFIRM'), transfer });
    expect(await queryPayout(REQUEST)).toEqual({ state: 'processing' });
  });

  it.each([
    ['a refusal', refuseWechat(400, 'INVALID_REQUEST')],
    ['another number', signWechatAnswer({ ...WAITING, out_bill_no: 'other' })],
  ])('M9: WAIT_USER_CONFIRM is unknown when its package comes with %s', async (_title, transfer) => {
    const { queryPayout } = await answering({ query: shown('WAIT_USER_CONFIRM'), transfer });
    expect((await failureOf(() => queryPayout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each(['NOT_FOUND', 'ORDER_NOT_EXIST'])(
    'M9: a payout that is not there (yet) has not failed: %s',
    async (code) => {
      const { queryPayout } = await answering({ query: refuseWechat(404, code) });
      expect(await queryPayout(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'NOT_FOUND' });
    },
  );

  it.each(UNTRUSTED)('M9: is unknown when the answer is %s', async (_title, query) => {
    const { queryPayout } = await answering({ query });
    expect((await failureOf(() => queryPayout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what an answered payout means', () => {
  it('waits for its receiver, with the package for their app', async () => {
    const { payout, asked } = await answering({ transfer: signWechatAnswer(WAITING), query: ABSENT });
    expect(await payout(REQUEST)).toEqual(AWAITING);
    expect(calls(asked)).toEqual([`POST ${BILLS}`]);
  });

  it.each(STATES)('%s, with the facts that the query has', async (state, expected) => {
    const transfer = signWechatAnswer({ ...ACCEPTED, state });
    const { payout } = await answering({ transfer, query: shown(state) });
    expect(await payout(REQUEST)).toEqual(expected);
  });

  it.each([
    ['and is not seen yet', ABSENT],
    ['and waits by now, without a package', shown('WAIT_USER_CONFIRM')],
  ])('accepted %s is under way', async (_title, query) => {
    const { payout } = await answering({
      transfer: signWechatAnswer({ ...ACCEPTED, state: 'ACCEPTED' }),
      query,
    });
    expect(await payout(REQUEST)).toEqual({ state: 'processing' });
  });

  it.each([
    ['about another payout', signWechatAnswer({ ...WAITING, out_bill_no: 'other' })],
    ['signed by somebody else', signWechatAnswer(WAITING, { key: merchantKeys.privateKey })],
    ['of status 500', refuseWechat(500, 'SYSTEM_ERROR')],
  ])('M9: is unknown when the answer is %s', async (_title, transfer) => {
    const { payout } = await answering({ transfer, query: ABSENT });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what a refused payout means', () => {
  it.each([
    [400, 'INVALID_REQUEST'],
    [400, 'PARAM_ERROR'],
  ])('%i %s is no for good when WeChat Pay shows no such payout', async (status, code) => {
    const { payout } = await answering({ transfer: refuseWechat(status, code), query: ABSENT });
    expect(await failureOf(() => payout(REQUEST))).toMatchObject({
      code: 'channel_refused',
      details: { operation: BILLS.slice(1), providerCode: code, httpStatus: status },
    });
  });

  it.each(STATES)('M9: is the payout that an earlier call made: %s', async (state, expected) => {
    const { payout } = await answering({
      transfer: refuseWechat(400, 'INVALID_REQUEST'),
      query: shown(state),
    });
    expect(await payout(REQUEST)).toEqual(expected);
  });

  it.each(UNTRUSTED)('M9: is not given up when the query is answered %s', async (_title, query) => {
    const { payout } = await answering({ transfer: refuseWechat(400, 'INVALID_REQUEST'), query });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it.each([
    [403, 'NOT_ENOUGH'],
    [403, 'NO_AUTH'],
    [401, 'SIGN_ERROR'],
    [404, 'NOT_FOUND'],
    [400, 'A_WORD_OF_A_LATER_VERSION'],
    [429, 'FREQUENCY_LIMITED'],
    [500, 'SYSTEM_ERROR'],
    [502, 'INVALID_REQUEST'],
  ])('M9: %i %s is not final', async (status, code) => {
    const { payout } = await answering({ transfer: refuseWechat(status, code), query: ABSENT });
    expect((await failureOf(() => payout(REQUEST))).code).toBe('channel_unknown_outcome');
  });

  it('M9: is unknown when no answer comes', async () => {
    const { payout, queryPayout, cancelPayout } = await answering({});
    for (const call of [payout, queryPayout, cancelPayout]) {
      expect((await failureOf(() => call(REQUEST))).code).toBe('channel_unknown_outcome');
    }
  });
});

describe('wechat: a payout that is taken back', () => {
  const cancelled = signWechatAnswer({ ...ACCEPTED, state: 'CANCELING', update_time: SHOWN.update_time });

  it.each(STATES)('is what WeChat Pay shows afterwards: %s', async (state, expected) => {
    const { cancelPayout, asked } = await answering({ cancel: cancelled, query: shown(state) });
    expect(await cancelPayout(REQUEST)).toEqual(expected);
    expect(calls(asked)).toEqual([`POST ${BY_NUMBER}/cancel`, `GET ${BY_NUMBER}`]);
  });

  it('is paid when its receiver was faster', async () => {
    const cancel = refuseWechat(400, 'INVALID_REQUEST');
    const { cancelPayout } = await answering({ cancel, query: shown('SUCCESS') });
    expect(await cancelPayout(REQUEST)).toEqual(PAID);
  });

  it('M9: has not failed when WeChat Pay knows none such', async () => {
    const { cancelPayout } = await answering({ cancel: ABSENT, query: ABSENT });
    expect(await cancelPayout(REQUEST)).toEqual({ state: 'unknown', providerStatus: 'NOT_FOUND' });
  });

  it('M9: is unknown when the answer is a server error', async () => {
    const { cancelPayout } = await answering({
      cancel: refuseWechat(500, 'SYSTEM_ERROR'),
      query: shown('CANCELLED'),
    });
    expect((await failureOf(() => cancelPayout(REQUEST))).code).toBe('channel_unknown_outcome');
  });
});

describe('wechat: what is sent for a payout', () => {
  const sent = (asked: readonly WechatAsked[]): Record<string, unknown> =>
    JSON.parse(asked[0]?.body ?? '') as Record<string, unknown>;

  it('has our number, and the name so that only WeChat Pay can read it', async () => {
    const { payout, asked } = await answering({ transfer: signWechatAnswer(WAITING) });
    await payout(makePayout({ ...REQUEST, remark: '🐼'.repeat(40) }));
    const { user_name: sealed, ...rest } = sent(asked);
    expect(rest).toEqual({
      appid: WECHAT_APP,
      out_bill_no: REQUEST.payoutNo,
      openid: REQUEST.account.no,
      transfer_amount: 530,
      transfer_remark: '🐼'.repeat(16),
      notify_url: REQUEST.notifyUrl,
      transfer_scene_id: '1005',
      user_recv_perception: '劳务报酬',
      transfer_scene_report_infos: [
        { info_type: '岗位类型', info_content: '平台服务提供者' },
        { info_type: '报酬说明', info_content: '🐼'.repeat(16) },
      ],
    });
    expect(Rsa.decrypt(String(sealed), createPrivateKey(providerKeys.privateKey))).toBe('沈括');
  });

  it.each([
    ['is so small that WeChat Pay refuses a name', { amountFen: fen(29) }],
    ['has none', { account: { no: REQUEST.account.no, name: '' } }],
  ])('leaves out the name of a payout that %s', async (_title, changes) => {
    const { payout, asked } = await answering({ transfer: signWechatAnswer(WAITING) });
    await payout({ ...REQUEST, ...changes });
    expect(sent(asked)).not.toHaveProperty('user_name');
  });

  it('says what a payout without a remark is for', async () => {
    const { payout, asked } = await answering({ transfer: signWechatAnswer(WAITING) });
    await payout({ ...REQUEST, remark: '' });
    expect(sent(asked)).toMatchObject({ transfer_remark: '提现' });
  });
});
