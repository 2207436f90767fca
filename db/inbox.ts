import { and, eq, sql } from 'drizzle-orm';
import type { PaymentChannel, ProviderChannel } from '../domain/order.js';
import type { Db } from './client.js';
import { inbox } from './schema.js';

export type InboxRow = typeof inbox.$inferSelect;

export interface VerifiedEvent {
  channel: PaymentChannel;
  source: InboxRow['source'];
  eventKey: string;
  outTradeNo: string;
  facts: Record<string, string>;
  receivedAt: Date;
  payment: VerifiedPayment | null;
}

export interface VerifiedPayment {
  outTradeNo: string;
  providerTradeNo: string;
  amountFen: number;
  currency: string;
  merchant: string;
  paidAt: Date;
}

// The inline attempt after the commit has this long before the relay takes the row up.
const INLINE_ATTEMPT_MS = 10_000;

/**
 * The order that the new row's attempt belongs to, where it was unpaid when the row was written. By names: drizzle
 * leaves out the tables' own inside an insert.
 */
const unpaidOrderNo = sql<string | null>`(
  SELECT o.order_no FROM payments p JOIN orders o ON o.order_no = p.order_no
   WHERE p.channel = inbox.channel AND p.out_trade_no = inbox.out_trade_no AND o.money = 'unpaid')`;

export interface Inserted {
  /** The first row's, for a repeat. */
  id: number;
  fresh: boolean;
  unpaidOrderNo: string | null;
}

/**
 * Inserts a verified event once.
 * @param inlineAttempt whether somebody takes it to its order right after the commit; the relay does it at once otherwise
 */
export async function insertEvent(db: Db, event: VerifiedEvent, inlineAttempt = true): Promise<Inserted> {
  const { payment, ...rest } = event;
  const [inserted] = await db
    .insert(inbox)
    .values({
      ...rest,
      kind: payment === null ? 'other' : 'paid',
      state: payment === null ? 'ignored' : 'pending',
      dueAt: new Date(Date.now() + (inlineAttempt ? INLINE_ATTEMPT_MS : 0)),
      ...(payment !== null && {
        providerTradeNo: payment.providerTradeNo,
        amount: payment.amountFen,
        currency: payment.currency,
        merchant: payment.merchant,
        paidAt: payment.paidAt,
      }),
    })
    .onConflictDoNothing({ target: [inbox.channel, inbox.eventKey] })
    .returning({ id: inbox.id, unpaidOrderNo });
  if (inserted !== undefined) return { ...inserted, fresh: true };
  const [first] = await db
    .select({ id: inbox.id })
    .from(inbox)
    .where(and(eq(inbox.channel, event.channel), eq(inbox.eventKey, event.eventKey)));
  if (first === undefined) throw new Error('an inbox row vanished');
  return { id: first.id, fresh: false, unpaidOrderNo: null };
}

/** Whether a person looks at this row: then it will not pay its order, however often it is delivered. */
export async function isSetAside(db: Db, inboxId: number): Promise<boolean> {
  const [row] = await db.select({ state: inbox.state }).from(inbox).where(eq(inbox.id, inboxId));
  return row?.state === 'review' || row?.state === 'returned';
}

/** A question's answer that says "paid" becomes an inbox row. @returns its id */
export async function insertAnswer(
  db: Db,
  channel: ProviderChannel,
  payment: VerifiedPayment,
): Promise<number> {
  const { id } = await insertEvent(db, {
    channel,
    source: 'question',
    eventKey: `question:${payment.outTradeNo}:${payment.providerTradeNo}`,
    outTradeNo: payment.outTradeNo,
    facts: {},
    receivedAt: new Date(),
    payment,
  });
  return id;
}
