import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_AMOUNT_FEN, fen } from './money.js';
import { MONEY_TRANSITIONS } from './order-status.js';
import { ORDER_KINDS, PAYMENT_CHANNELS, isHeldKind } from './order.js';
import {
  type PayableOrder,
  type Posting,
  type ReceivedPayment,
  closePosting,
  paymentPosting,
  releasePosting,
  suspensePosting,
} from './postings.js';
import { chargePosting } from './action-postings.js';

const AT = Date.parse('2026-11-24T10:00:00.000Z');
const HOUR_MS = 3_600_000;

const order = (change: Partial<PayableOrder> = {}): PayableOrder => ({
  orderNo: '9f8e7d6c5b4a3921',
  kind: 'deal',
  buyerId: 'b1',
  amountFen: fen(1000),
  chatWindowMs: null,
  autoConfirmAfterMs: HOUR_MS,
  ...change,
});

const payment = (change: Partial<ReceivedPayment> = {}): ReceivedPayment => ({
  paymentId: 'p1',
  channel: 'alipay',
  providerTradeNo: 't1',
  inboxId: 7,
  paidAtMs: AT,
  receivedAtMs: AT + 1,
  ...change,
});

const sumOf = ({ legs }: Posting): number => legs.reduce((sum, leg) => sum + leg.amount, 0);

const anyAmount = fc.integer({ min: 0, max: MAX_AMOUNT_FEN }).map(fen);
const anyPosting: fc.Arbitrary<Posting> = fc.oneof(
  fc
    .record({
      kind: fc.constantFrom(...ORDER_KINDS),
      amountFen: anyAmount,
      channel: fc.constantFrom(...PAYMENT_CHANNELS),
    })
    .map(({ channel, ...facts }) => paymentPosting(order(facts), payment({ channel }))),
  fc
    .constantFrom(...ORDER_KINDS)
    .map((kind) =>
      paymentPosting(order({ kind, amountFen: fen(0) }), payment({ channel: null, paymentId: null })),
    ),
  fc
    .record({ amountFen: anyAmount, feeBps: fc.integer({ min: 0, max: 10_000 }) })
    .map((facts) => releasePosting({ orderNo: 'o', sellerId: 's', by: 'auto-confirm', atMs: AT, ...facts })),
  fc.constant(closePosting('o', 'expired', 'system', AT)),
  anyAmount.map((amountFen) => suspensePosting({ channel: 'wechat', providerTradeNo: 't', amountFen })),
  anyAmount.map((amountFen) => chargePosting('o:0', 'b', amountFen, 'o')),
);

describe('M1 every posting', () => {
  it('has legs that sum to 0 and none of 0, for every kind and amount', () => {
    fc.assert(
      fc.property(anyPosting, (posting) => {
        expect(sumOf(posting)).toBe(0);
        expect(posting.legs.every((leg) => leg.amount !== 0 && Number.isSafeInteger(leg.amount))).toBe(true);
        expect(new Set(posting.legs.map((leg) => leg.account)).size).toBe(posting.legs.length);
      }),
      { numRuns: 1_000 },
    );
  });

  it('moves an order only along the table of its money', () => {
    fc.assert(
      fc.property(anyPosting, ({ order: change }) => {
        for (const from of change?.from ?? []) expect(MONEY_TRANSITIONS[from]).toContain(change?.to);
      }),
    );
  });
});

const legsOf = (kind: PayableOrder['kind'], channel: ReceivedPayment['channel']) =>
  Object.fromEntries(
    paymentPosting(order({ kind }), payment({ channel })).legs.map((leg) => [leg.account, leg.amount]),
  );

describe('a payment', () => {
  it.each([
    ['deal', 'alipay', { 'channel:alipay': -1000, 'hold:9f8e7d6c5b4a3921': 1000 }],
    ['course', 'wechat', { 'channel:wechat': -1000, 'hold:9f8e7d6c5b4a3921': 1000 }],
    ['topup', 'wechat', { 'channel:wechat': -1000, 'user:b1:cash': 1000 }],
    ['package', 'alipay', { 'channel:alipay': -1000, 'platform:sales': 1000 }],
    ['deal', 'wallet', { 'user:b1:spendable': -1000, 'hold:9f8e7d6c5b4a3921': 1000 }],
    ['package', 'wallet', { 'user:b1:spendable': -1000, 'platform:sales': 1000 }],
    ['deal', null, {}],
  ] as const)('of a %s by %s goes where it belongs', (kind, channel, legs) => {
    expect(legsOf(kind, channel)).toEqual(legs);
  });

  it('M5 has one key for the order, and the trade as its identity', () => {
    const first = paymentPosting(order(), payment());
    const second = paymentPosting(order(), payment({ providerTradeNo: 't2', inboxId: 8 }));
    expect(second.key).toBe(first.key);
    expect(second.identity).not.toBe(first.identity);
    expect(paymentPosting(order(), payment({ channel: 'wechat' })).identity).not.toBe(first.identity);
  });

  it.each(ORDER_KINDS)('of a %s is held or settled', (kind) => {
    const { order: change } = paymentPosting(
      order({ kind, chatWindowMs: isHeldKind(kind) ? HOUR_MS : null }),
      payment(),
    );
    expect(change?.from).toEqual(['unpaid']);
    expect(change?.set).toMatchObject({
      captured: 1000,
      paidAt: '2026-11-24T10:00:00.000Z',
      paidChannel: 'alipay',
    });
    if (isHeldKind(kind)) {
      expect(change).toMatchObject({
        to: 'held',
        set: { releaseDueAt: '2026-11-24T11:00:00.000Z', chatClosesAt: '2026-11-24T11:00:00.000Z' },
      });
    } else {
      expect(change).toMatchObject({
        to: 'released',
        set: { releasedAt: '2026-11-24T10:00:00.001Z', releasedBy: 'payment' },
      });
    }
  });
});

const releaseLegs = (amount: number, feeBps: number) =>
  releasePosting({ orderNo: 'o', sellerId: 's', amountFen: fen(amount), feeBps, by: 'user:b', atMs: AT })
    .legs;

describe('a release', () => {
  it('takes the floored fee out of what the seller gets', () => {
    expect(releaseLegs(199, 100)).toEqual([
      { account: 'hold:o', amount: -199 },
      { account: 'user:s:earnings', amount: 198 },
      { account: 'platform:fees', amount: 1 },
    ]);
  });

  it('has no empty leg: no fee, all fee, nothing to release', () => {
    expect(releaseLegs(99, 100).map((leg) => leg.account)).toEqual(['hold:o', 'user:s:earnings']);
    expect(releaseLegs(99, 10_000).map((leg) => leg.account)).toEqual(['hold:o', 'platform:fees']);
    expect(releaseLegs(0, 100)).toEqual([]);
  });

  it('is the same posting whoever asks and whenever', () => {
    const release = { orderNo: 'o', sellerId: 's', amountFen: fen(100), feeBps: 0 };
    const one = releasePosting({ ...release, by: 'user:b', atMs: AT });
    const other = releasePosting({ ...release, by: 'auto-confirm', atMs: AT + 1 });
    expect([other.key, other.legs, other.identity]).toEqual([one.key, one.legs, one.identity]);
  });
});
