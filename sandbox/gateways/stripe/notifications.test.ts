/** The local Stripe's events, as the official client verifies them. */
import { Stripe } from 'stripe';
import { beforeAll, describe, expect, it } from 'vitest';
import { orderNo, testReceiver, type Receiver } from '../../test-support.js';
import { orderOf, testMerchant, type StripeMerchant } from './test-support.js';

let merchant: StripeMerchant;
let stripe: Stripe;
let receiver: Receiver;
beforeAll(async () => {
  merchant = await testMerchant();
  ({ stripe } = merchant);
  receiver = await testReceiver({ status: 200 });
});

const create = (no: string, changes: object = {}) => stripe.paymentIntents.create(orderOf(no, changes));
const control = (method: string, path: string, body?: unknown) =>
  merchant.sandbox.control(method, path, body);
const pay = (no: string, body: object = {}) => control('POST', `/trades/${no}/pay`, body);

describe('events', () => {
  const metadataOf = (no: string) => ({ metadata: { out_trade_no: no, notify_url: receiver.url } });

  async function delivered(fault: object = {}): Promise<{ body: string; header: string; id: string }> {
    await control('POST', '/faults', { channel: 'stripe', duplicate: 0, delayMs: 1, ...fault });
    const no = orderNo();
    const { id } = await create(no, metadataOf(no));
    const before = receiver.received.length;
    await pay(no);
    const { body = '', headers } = (await receiver.until(before + 1))[before] ?? {};
    return { body, header: String(headers?.['stripe-signature']), id };
  }

  const verify = ({ body, header }: { body: string; header: string }) =>
    stripe.webhooks.constructEvent(Buffer.from(body), header, merchant.webhookSecret);

  it('are verified by the official client, which reads the payment in them', async () => {
    const told = await delivered();
    expect(verify(told)).toMatchObject({
      object: 'event',
      type: 'payment_intent.succeeded',
      livemode: false,
      data: { object: { id: told.id, status: 'succeeded', amount_received: 1_234 } },
    });
  });

  it.each([{ tamper: true }, { wrongKey: true }])(
    'are refused by the official client under %j',
    async (fault) => {
      const told = await delivered(fault);
      expect(() => verify(told)).toThrow(Stripe.errors.StripeSignatureVerificationError);
    },
  );

  it('tell of a dispute by Stripe’s own numbers', async () => {
    const no = orderNo();
    const { id } = await create(no, metadataOf(no));
    const from = receiver.received.length;
    await pay(no);
    await control('POST', `/trades/${no}/dispute`, { reason: 'product_not_received' });
    await control('POST', `/trades/${no}/dispute`, { status: 'lost' });
    const told = (await receiver.until(from + 3)).slice(from);
    const events = told.map(({ body, headers }) =>
      verify({ body, header: String(headers['stripe-signature']) }),
    );
    const ofDispute = events.filter(({ type }) => type.startsWith('charge.dispute.'));
    expect(ofDispute.map(({ type, data }) => [type, data.object])).toMatchObject([
      ['charge.dispute.created', { payment_intent: id, amount: 1_234, status: 'needs_response' }],
      ['charge.dispute.closed', { payment_intent: id, reason: 'product_not_received', status: 'lost' }],
    ]);
  });

  it('come again with the same id until any 2xx', async () => {
    const no = orderNo();
    await create(no, metadataOf(no));
    const from = receiver.received.length;
    receiver.answer = (nth) => ({ status: [500, 302, 204][nth - from] ?? 204 });
    await pay(no);
    const told = (await receiver.until(from + 3))
      .slice(from)
      .map(({ body }) => JSON.parse(body) as { id: string });
    expect(new Set(told.map(({ id }) => id)).size).toBe(1);
    receiver.answer = () => ({ status: 200 });
  });
});
