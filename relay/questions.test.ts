/** What the relay asks the providers, and what it makes of their answers. */
import { eq } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createChannels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { type OrderRow, type PaymentRow } from '../db/orders.js';
import { inbox, payments } from '../db/schema.js';
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

const alipay = () => {
  const { alipay: channel } = providers.channels;
  if (channel === undefined) throw new Error('the sandbox has Alipay');
  return channel;
};

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

async function pending(change: Partial<PaymentRow> = {}): Promise<PaymentRow> {
  const payment = await creating();
  await postAttempt(db, alipay(), PUBLIC_URL, payment);
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
