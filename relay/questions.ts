import { eq, sql } from 'drizzle-orm';
import { crashPoint } from '../crash-points.js';
import type { Channels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { insertAnswer, isSetAside } from '../db/inbox.js';
import type { PaymentRow } from '../db/orders.js';
import { payments } from '../db/schema.js';
import { gapBeforeQuestion } from '../domain/deadlines.js';
import { changeOpen, closeAttempt, postAttempt, toKnown } from './attempts.js';

/** Leases attempts that are due for a question; the next one is due by the schedule, whoever dies meanwhile. */
export async function leaseQuestions(db: Db, limit: number): Promise<PaymentRow[]> {
  return db.transaction(async (tx) => {
    const due = await tx
      .select()
      .from(payments)
      .where(sql`${payments.askAt} <= now()`)
      .orderBy(payments.askAt)
      .limit(limit)
      .for('update', { skipLocked: true });
    for (const payment of due) {
      const asked = payment.asked + 1;
      await tx
        .update(payments)
        .set({ asked, askAt: new Date(Date.now() + gapBeforeQuestion(asked)) })
        .where(eq(payments.id, payment.id));
    }
    return due;
  });
}

// An open attempt beside the one that paid has no workflow to close it. It is closed this long after its expiry,
// when the order's own last question has been asked: not every provider ends a trade by itself.
const ASKED_AFTER_EXPIRY_MS = 3_600_000;

/**
 * Asks the channel about one attempt. A payment goes through the inbox like a notification; an attempt whose
 * posting had no answer is posted again under its own number; one that is over is closed.
 * @returns the inbox row of a payment that was found
 * @throws HoldfastError `channel_unknown_outcome`: it stays open, and is asked about again by its schedule
 */
export async function ask(
  db: Db,
  channels: Channels,
  publicUrl: string,
  payment: PaymentRow,
): Promise<number | null> {
  const channel = payment.channel === 'wallet' ? undefined : channels[payment.channel];
  if (channel === undefined) return null;
  const found = await channel.query(toKnown(payment));
  crashPoint('question: answered');
  const isOver = payment.expiresAt.getTime() + ASKED_AFTER_EXPIRY_MS <= Date.now();
  if (found.state === 'unpaid' && isOver) return closeAttempt(db, channel, payment, found);
  const inboxId = found.state === 'paid' ? await insertAnswer(db, channel.name, found.payment) : null;
  crashPoint('question: in the inbox');
  if (inboxId !== null && !(await isSetAside(db, inboxId))) return inboxId;
  if (payment.status === 'closed') {
    // Somebody said that it was paid after all: that is asked about once.
    await db.update(payments).set({ askAt: null }).where(eq(payments.id, payment.id));
  } else if (inboxId !== null || found.state === 'closed') {
    await changeOpen(db, payment, { status: 'closed', askAt: null });
  } else if (payment.status === 'creating' && payment.expiresAt > new Date()) {
    await postAttempt(db, channel, publicUrl, payment);
  }
  return null;
}
