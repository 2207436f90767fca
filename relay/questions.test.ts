/** What the relay asks the providers, and what it makes of their answers. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Channel } from '../channels/channel.js';
import { channelNamed, createChannels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { type OrderRow, type PaymentRow } from '../db/orders.js';
import { inbox, payments } from '../db/schema.js';
import type { ProviderChannel } from '../domain/order.js';
import { receiveFromInbox } from '../ledger/receive.js';
import { type TestDatabase, freshDatabase } from '../test/support/database.js';
import { refusalOf } from '../test/support/errors.js';
import { type Providers, startProviders } from '../test/support/providers.js';
import { addUsers, insertOrder, openAttempt } from '../test/support/world.js';
import { changeOpen, postAttempt, settleAttempt, toKnown } from './attempts.js';
import { ask } from './questions.js';

const HOUR_MS = 3_600_000;
const PUBLIC_URL = 'http://127.0.0.1:9';

let database: TestDatabase;
let db: Db;
let providers: Providers;

beforeAll(async () => {
  [database, providers] = await Promise.all([freshDatabase(), startProviders()]);
  db = database.db;
  await addUsers(db);
});
afterAll(async () => {
  await providers.close();
  await database.close();
});
afterEach(() => providers.control('DELETE', '/faults'));

const channelOf = (name: ProviderChannel): Channel => channelNamed(providers.channels, name);
const alipay = (): Channel => channelOf('alipay');

const read = async ({ id }: PaymentRow): Promise<PaymentRow> => {
  const [row] = await db.select().from(payments).where(eq(payments.id, id));
  if (row === undefined) throw new Error('an attempt is never deleted');
  return row;
};

/** An attempt of a scene that can be closed, as it stands before its provider has heard of it. */
async function creating(change: Partial<PaymentRow> = {}, order?: OrderRow): Promise<PaymentRow> {
  const made = await openAttempt(db, order ?? (await insertOrder(db)));
  const row = {
    scene: 'qr',
    status: 'creating',
    merchant: alipay().merchant,
    askAt: new Date(),
    ...change,
  } as const;
  await db.update(payments).set(row).where(eq(payments.id, made.id));
  return read(made);
}

async function pending(change: Partial<PaymentRow> = {}, channel: Channel = alipay()): Promise<PaymentRow> {
  const payment = await creating({ channel: channel.name, merchant: channel.merchant });
  await postAttempt(db, channel, PUBLIC_URL, payment);
  await db
    .update(payments)
    .set({ askAt: new Date(), ...change })
    .where(eq(payments.id, payment.id));
  return read(payment);
}

const pay = ({ outTradeNo }: PaymentRow, change: object = {}): Promise<unknown> =>
  providers.control('POST', `/trades/${outTradeNo}/pay`, { notify: false, ...change });
const question = (payment: PaymentRow): Promise<number | null> =>
  ask(db, providers.channels, PUBLIC_URL, payment);
const questionOf = (channel: Channel, payment: PaymentRow): Promise<number | null> =>
  ask(db, { ...providers.channels, [channel.name]: channel }, PUBLIC_URL, payment);
/** An hour past its expiry. */
const OVER = { expiresAt: new Date(Date.now() - HOUR_MS) };

describe('W5 a question about an attempt', () => {
  it('finds a payment, and puts it through the inbox once, however often it is asked', async () => {
    const payment = await pending();
    expect(await question(payment)).toBeNull();
    await pay(payment);
    const inboxId = await question(payment);
    expect(await question(payment)).toBe(inboxId);
    const rows = await db.select().from(inbox).where(eq(inbox.outTradeNo, payment.outTradeNo));
    expect(rows).toMatchObject([
      { id: inboxId, source: 'question', kind: 'paid', amount: 10_000, state: 'pending' },
    ]);
  });

  it('posts an attempt again whose posting had no answer, under its own number', async () => {
    const payment = await creating();
    await providers.control('POST', '/faults', {
      channel: 'alipay',
      errorRate: 1,
      operation: 'create',
      times: 1,
    });
    expect(await postAttempt(db, alipay(), PUBLIC_URL, payment)).toMatchObject({
      status: 'creating',
      error: { code: 'channel_unknown_outcome' },
    });
    expect(await question(await read(payment))).toBeNull();
    expect(await read(payment)).toMatchObject({
      status: 'pending',
      error: null,
      credential: { qrCode: expect.any(String) as string },
    });
    const { data } = (await providers.control('GET', `/trades?outTradeNo=${payment.outTradeNo}`)) as {
      data: unknown[];
    };
    expect(data).toHaveLength(1);
  });

  it('posts nothing once the attempt has expired', async () => {
    const payment = await creating({ expiresAt: new Date(Date.now() - 1) });
    await question(payment);
    expect(await read(payment)).toMatchObject({ status: 'creating', credential: null });
  });

  it('ends when the provider has closed the trade', async () => {
    const payment = await pending();
    await providers.control('POST', `/trades/${payment.outTradeNo}/close`);
    expect(await question(payment)).toBeNull();
    expect(await read(payment)).toMatchObject({ status: 'closed', askAt: null });
  });

  it.each([
    ['a moment before', -10_000, 'pending'],
    ['after', 0, 'closed'],
  ])('ends an hour after the expiry and not %s', async (_when, offsetMs, status) => {
    const payment = await pending({ expiresAt: new Date(Date.now() - HOUR_MS - offsetMs) });
    await question(payment);
    expect((await read(payment)).status).toBe(status);
  });

  it('ends when what was paid does not fit and a person looks at it', async () => {
    const payment = await pending();
    await pay(payment, { amount: 1 });
    await receiveFromInbox(db, (await question(payment)) ?? 0);
    expect(await question(payment)).toBeNull();
    expect(await read(payment)).toMatchObject({ status: 'closed', askAt: null });
  });

  it('never ends while the provider does not answer', async () => {
    const payment = await pending();
    await providers.control('POST', '/faults', { channel: 'alipay', errorRate: 1 });
    expect(await refusalOf(question(payment))).toMatchObject({ code: 'channel_unknown_outcome' });
    expect((await read(payment)).askAt).not.toBeNull();
  });

  it.each(['alipay', 'wechat', 'stripe'] as const)('M5 closes at %s what is over', async (name) => {
    const payment = await pending(OVER, channelOf(name));
    expect(await question(payment)).toBeNull();
    expect(await read(payment)).toMatchObject({ status: 'closed', askAt: null });
    expect(await channelOf(name).query(toKnown(payment))).toEqual({ state: 'closed' });
  });

  it('closes what is over here alone where its provider cannot', async () => {
    const payment = await pending(OVER);
    expect(await questionOf({ ...alipay(), canClose: () => false }, payment)).toBeNull();
    expect((await read(payment)).status).toBe('closed');
    expect(await alipay().query(toKnown(payment))).toEqual({ state: 'unpaid' });
  });

  it('W5 finds a payment that comes while it closes what is over', async () => {
    const payment = await pending(OVER);
    const payerIsFaster: Channel = {
      ...alipay(),
      async close(attempt) {
        await pay(payment);
        return alipay().close(attempt);
      },
    };
    const inboxId = await questionOf(payerIsFaster, payment);
    const rows = await db.select().from(inbox).where(eq(inbox.outTradeNo, payment.outTradeNo));
    expect(rows).toMatchObject([{ id: inboxId, source: 'question', kind: 'paid', state: 'pending' }]);
    expect((await read(payment)).status).toBe('pending');
  });

  it('W5 asks again about what is over when its provider does not answer to the closing', async () => {
    const payment = await pending(OVER);
    await providers.control('POST', '/faults', { channel: 'alipay', errorRate: 1, operation: 'close' });
    expect(await refusalOf(question(payment))).toMatchObject({ code: 'channel_unknown_outcome' });
    const after = await read(payment);
    expect(after.status).toBe('pending');
    expect(after.askAt).not.toBeNull();
    await providers.control('DELETE', '/faults');
    await question(after);
    expect(await alipay().query(toKnown(payment))).toEqual({ state: 'closed' });
  });

  it('is not put for a channel without credentials', async () => {
    const payment = await pending();
    expect(await ask(db, createChannels({}), PUBLIC_URL, payment)).toBeNull();
  });
});

describe('an attempt that is settled', () => {
  it('is closed at its provider, and here', async () => {
    const payment = await pending();
    expect(await settleAttempt(db, providers.channels, payment)).toBeNull();
    expect(await read(payment)).toMatchObject({ status: 'closed', askAt: null });
    expect(await alipay().query(toKnown(payment))).toEqual({ state: 'closed' });
  });

  it('stays open when nobody knows', async () => {
    const payment = await pending();
    await providers.control('POST', '/faults', { channel: 'alipay', errorRate: 1 });
    expect(await refusalOf(settleAttempt(db, providers.channels, payment))).toMatchObject({
      code: 'channel_unknown_outcome',
    });
    expect((await read(payment)).status).toBe('pending');
  });

  it('M7 stays paid when it was paid while its provider was asked', async () => {
    const payment = await pending();
    await db.update(payments).set({ status: 'paid', askAt: null }).where(eq(payments.id, payment.id));
    for (const status of ['pending', 'closed', 'failed'] as const) await changeOpen(db, payment, { status });
    expect((await read(payment)).status).toBe('paid');
  });

  it('that its provider refuses has failed for good', async () => {
    const order = await insertOrder(db, { amount: 5 });
    const payment = await creating({ expiresAt: new Date(Date.now() - HOUR_MS) }, order);
    expect(await refusalOf(postAttempt(db, alipay(), PUBLIC_URL, payment))).toMatchObject({
      code: 'channel_refused',
    });
    expect(await read(payment)).toMatchObject({
      status: 'failed',
      askAt: null,
      error: { code: 'channel_refused' },
    });
  });
});
