/** WeChat Pay's payouts against the local provider: what only they have, a receiver who takes the money. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fen } from '../domain/money.js';
import type { PayoutRequest } from './channel.js';
import type { Merchant } from './test-merchant.js';
import { type KnownPayout, openPayoutBench, type PayoutBench, RECEIVERS } from './test-payout-bench.js';
import { payouts } from './test-payouts.js';
import type { Receiver } from './test-receiver.js';
import { failureOf } from './test-support.js';
import { createWechat } from './wechat.js';
import { TRANSFER_SCENE_IDS } from './wechat-transfer-scenes.js';

let bench: PayoutBench;
let merchant: Merchant;
let receiver: Receiver;

beforeAll(async () => {
  bench = await openPayoutBench();
  ({ merchant, receiver } = bench);
});

afterEach(async () => {
  await merchant.control('DELETE', '/faults');
});

afterAll(() => bench.close());

const request = (changes: Partial<PayoutRequest> = {}): PayoutRequest => bench.request('wechat', changes);
const settle = (one: PayoutRequest, result: string): Promise<KnownPayout> => bench.settle(one, result);

describe('wechat payouts', () => {
  const { payout, queryPayout, cancelPayout } = {
    payout: (one: PayoutRequest) => payouts(merchant.channels.wechat).payout(one),
    queryPayout: (one: PayoutRequest) => payouts(merchant.channels.wechat).queryPayout(one),
    cancelPayout: (one: PayoutRequest) => payouts(merchant.channels.wechat).cancelPayout(one),
  };

  it('fail when the name is not the receiver’s, after they were accepted', async () => {
    const one = request({ account: { no: RECEIVERS.wechat.no, name: '张冠李戴' } });
    expect(await payout(one)).toEqual({ state: 'processing' });
    await receiver.next(one.payoutNo);
    expect(await queryPayout(one)).toEqual({
      state: 'failed',
      providerStatus: 'FAIL',
      message: 'NAME_NOT_CORRECT',
    });
  });

  it('come back when their receiver does not take them in time', async () => {
    const one = request();
    await payout(one);
    await settle(one, 'expire');
    const overdue = { state: 'failed', providerStatus: 'FAIL', message: 'OVERDUE_CLOSE' };
    expect(await queryPayout(one)).toEqual(overdue);
    expect(await cancelPayout(one)).toEqual(overdue);
  });

  it('are taken back, and have failed only once WeChat Pay says that they have', async () => {
    const one = request();
    await payout(one);
    expect(await cancelPayout(one)).toEqual({ state: 'processing' });
    expect(await cancelPayout(one)).toEqual({ state: 'processing' });
    await receiver.next(one.payoutNo);
    const cancelled = { state: 'failed', providerStatus: 'CANCELLED', message: 'MCH_CANCEL' };
    expect(await queryPayout(one)).toEqual(cancelled);
    expect(await cancelPayout(one)).toEqual(cancelled);
    expect(await payout(one)).toEqual(cancelled);
  });

  it('stay paid when their receiver was faster than we', async () => {
    const one = request();
    await payout(one);
    await settle(one, 'success');
    expect((await cancelPayout(one)).state).toBe('paid');
  });

  it('M9: that are taken back and have no answer are asked for', async () => {
    const one = request();
    await payout(one);
    await merchant.control('POST', '/faults', {
      channel: 'wechat',
      requestTimeout: true,
      operation: 'payoutCancel',
    });
    expect((await failureOf(() => cancelPayout(one))).code).toBe('channel_unknown_outcome');
    await receiver.next(one.payoutNo);
    expect(await queryPayout(one)).toMatchObject({ state: 'failed', providerStatus: 'CANCELLED' });
  });

  it('M9: of which there are none are not failed by taking them back', async () => {
    expect(await cancelPayout(request())).toEqual({ state: 'unknown', providerStatus: 'NOT_FOUND' });
  });

  it.each(TRANSFER_SCENE_IDS)('are accepted in scene %s, with what it wants reported', async (sceneId) => {
    const channel = createWechat({ ...merchant.configs.wechat, transferSceneId: sceneId });
    expect(await payouts(channel).payout(request())).toMatchObject({ state: 'awaiting_receiver' });
  });

  it('without a name are accepted below 2000 yuan, and refused from there on', async () => {
    const account = { no: RECEIVERS.wechat.no, name: '' };
    const small = request({ account, amountFen: fen(199_999) });
    expect(await payout(small)).toMatchObject({ state: 'awaiting_receiver' });
    const large = request({ account, amountFen: fen(200_000) });
    expect((await failureOf(() => payout(large))).code).toBe('channel_refused');
  });
});
