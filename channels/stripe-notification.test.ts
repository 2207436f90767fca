import { describe, expect, it } from 'vitest';
import { createStripe } from './stripe.js';
import { NO } from './test-gateways.js';
import { INTENT, PAID, SECRET, type EventChanges, intent, signEvent } from './test-stripe.js';
import { failureOf } from './test-support.js';

const stripe = createStripe({
  secretKey: 'sk_test_0123456789abcdef',
  webhookSecret: SECRET,
  baseUrl: 'http://127.0.0.1:9',
});
const verify = (changes: EventChanges = {}) => stripe.verifyNotification(signEvent(changes));

describe('stripe: a payment’s event', () => {
  it('says who paid what, and when, with facts that hold no secret', () => {
    expect(verify()).toEqual({
      eventKey: 'evt_1',
      outTradeNo: NO,
      kind: 'paid',
      payment: {
        outTradeNo: NO,
        providerTradeNo: INTENT,
        amountFen: 1230,
        currency: 'CNY',
        merchant: stripe.merchant,
        paidAt: new Date('2026-11-24T12:00:02Z'),
      },
      facts: {
        type: 'payment_intent.succeeded',
        created: '2026-11-24T12:00:02.000Z',
        livemode: 'false',
        id: INTENT,
        status: 'succeeded',
        amount: '1230',
        amount_received: '1230',
        currency: 'cny',
        out_trade_no: NO,
      },
    });
  });

  it.each<[string, EventChanges, object]>([
    ['of a connected account', { event: { account: 'acct_1' } }, { merchant: 'acct_1/test' }],
    ['of real money', { object: intent({ ...PAID, livemode: true }) }, { merchant: 'stripe/live' }],
    ['of another amount', { object: intent({ ...PAID, amount_received: 1 }) }, { amountFen: 1 }],
    ['in another currency', { object: intent({ ...PAID, currency: 'usd' }) }, { currency: 'USD' }],
  ])('W3: tells one %s as it is', (_title, changes, payment) => {
    expect(verify(changes)).toMatchObject({ kind: 'paid', payment });
  });

  it.each<[string, EventChanges]>([
    ['without a number of ours', { object: intent({ ...PAID, metadata: {} }) }],
    ['that says it is paid, and is not', { object: intent({ status: 'requires_action' }) }],
    ['with parts of a fen', { object: intent({ ...PAID, amount_received: 0.5 }) }],
    ['of no intent', { object: { id: 'x' } }],
    ['that failed', { type: 'payment_intent.payment_failed', object: intent({ status: 'requires_action' }) }],
    ['that was cancelled', { type: 'payment_intent.canceled', object: intent({ status: 'canceled' }) }],
    ['under another name', { type: 'charge.succeeded', object: intent(PAID) }],
    ['of something else', { type: 'customer.created', object: { id: 'cus_1', metadata: 'none' } }],
  ])('M7: one %s pays nothing, and is kept', (_title, changes) => {
    expect(verify(changes)).toMatchObject({ kind: 'other', eventKey: 'evt_1' });
  });
});

describe('stripe: hints', () => {
  const refund = { id: 're_1', status: 'succeeded', metadata: { refund_no: 'r1', out_trade_no: NO } };
  const transfer = { id: 'tr_1', metadata: { payout_no: 'p1' } };

  it.each([
    ['refund.created', refund, { kind: 'refund', outTradeNo: NO, refundNo: 'r1' }],
    [
      'refund.updated',
      refund,
      { kind: 'refund', refundNo: 'r1', providerStatus: 'refund.updated with succeeded' },
    ],
    ['refund.failed', refund, { kind: 'refund', refundNo: 'r1' }],
    ['charge.refund.updated', refund, { kind: 'refund', refundNo: 'r1' }],
    ['refund.updated', { ...refund, metadata: {} }, { kind: 'other' }],
    ['charge.refunded', { id: 'py_1', metadata: { out_trade_no: NO } }, { kind: 'other', outTradeNo: NO }],
    ['transfer.created', transfer, { kind: 'payout', payoutNo: 'p1', providerStatus: 'transfer.created' }],
    ['transfer.reversed', transfer, { kind: 'payout', payoutNo: 'p1' }],
    ['payout.failed', { ...transfer, status: 'failed' }, { kind: 'payout', payoutNo: 'p1' }],
    ['payout.paid', { id: 'po_1', status: 'paid', metadata: {} }, { kind: 'other' }],
  ])('%s of %j', (type, object, expected) => {
    expect(verify({ type, object })).toMatchObject(expected);
  });
});

describe('stripe: disputes', () => {
  const object = {
    id: 'dp_1',
    amount: 1230,
    currency: 'cny',
    payment_intent: INTENT,
    reason: 'product_not_received',
    status: 'needs_response',
  };

  it.each([
    ['charge.dispute.created', 'needs_response', 'opened'],
    ['charge.dispute.created', 'warning_needs_response', 'opened'],
    ['charge.dispute.closed', 'won', 'won'],
    ['charge.dispute.closed', 'warning_closed', 'won'],
    ['charge.dispute.closed', 'lost', 'lost'],
    ['charge.dispute.closed', 'a_new_word', 'opened'],
  ])('%s of %s', (type, status, ends) => {
    expect(verify({ type, object: { ...object, status } })).toMatchObject({
      kind: 'dispute',
      dispute: {
        disputeNo: 'dp_1',
        providerTradeNo: INTENT,
        amount: 1230,
        currency: 'CNY',
        status: ends,
        reason: 'product_not_received',
      },
    });
  });

  it.each([
    ['charge.dispute.updated', object],
    ['charge.dispute.created', { ...object, payment_intent: null }],
    ['charge.dispute.created', { ...object, amount: 0.5 }],
  ])('%s of %j is only kept', (type, about) => {
    expect(verify({ type, object: about })).toMatchObject({ kind: 'other' });
  });
});

describe('stripe: W2: what is refused', () => {
  it.each<[string, EventChanges, string]>([
    [
      'its amount changed',
      { change: (body) => body.replace('"amount":1230', '"amount":12300') },
      'signature',
    ],
    ['its id changed', { change: (body) => body.replace('evt_1', 'evt_2') }, 'signature'],
    ['a space added', { change: (body) => `${body} ` }, 'signature'],
    ['another secret', { secret: 'whsec_another' }, 'signature'],
    [
      'its time changed',
      { header: (header) => header.replace(/t=(\d+)/, (_, at) => `t=${Number(at) + 1}`) },
      'signature',
    ],
    ['a second time', { header: (header) => `${header},t=1` }, 'headers_missing'],
    ['no time', { header: (header) => header.replace(/^t=\d+,/, '') }, 'headers_missing'],
    ['a time of no kind', { header: (header) => header.replace(/t=\d+/, 't=soon') }, 'headers_missing'],
    ['no header', { header: () => '' }, 'headers_missing'],
    ['an old scheme', { header: (header) => header.replace('v1=', 'v0=') }, 'signature'],
    ['half a signature', { header: (header) => header.slice(0, -32) }, 'signature'],
    ['five minutes and a second of age', { offsetS: -301 }, 'stale'],
    ['five minutes and a second ahead', { offsetS: 301 }, 'stale'],
    ['no JSON', { event: {}, change: () => 'no' }, 'signature'],
  ])('%s', async (_title, changes, reason) => {
    expect(await failureOf(() => verify(changes))).toMatchObject({
      code: 'notification_refused',
      details: { channel: 'stripe', reason },
    });
  });

  it.each<[string, EventChanges]>([
    ['a thin event', { event: { object: 'v2.core.event' } }],
    ['an event without its id', { event: { id: '' } }],
    ['no event', { event: { object: 'payment_intent' } }],
    ['no object in it', { event: { data: { object: 'pi_1' } } }],
  ])('%s, though it is signed', async (_title, changes) => {
    const { code, details } = await failureOf(() => verify(changes));
    expect(code).toBe('notification_refused');
    expect(['malformed', 'not_a_notification']).toContain(details['reason']);
  });

  it('bytes that are no UTF-8, which would be verified with replacements for them', async () => {
    const raw = signEvent();
    const body = Buffer.concat([raw.body, Buffer.from([0xff])]);
    const error = await failureOf(() => stripe.verifyNotification({ ...raw, body }));
    expect(error.details).toMatchObject({ reason: 'malformed' });
  });

  it('takes one of several signatures, as Stripe sends them while a secret is exchanged', () => {
    const header = (good: string) => good.replace(',v1=', `,v1=${'0'.repeat(64)},v1=`);
    expect(verify({ header }).kind).toBe('paid');
  });

  it.each([-300, 0, 300])('takes a signature of %i s', (offsetS) => {
    expect(verify({ offsetS }).kind).toBe('paid');
  });

  it('tells nothing of the event in its error', async () => {
    const error = await failureOf(() => verify({ secret: 'whsec_another' }));
    expect(JSON.stringify([error, error.cause ?? null, error.message])).not.toMatch(/secret_x|pi_3Q/);
  });
});
