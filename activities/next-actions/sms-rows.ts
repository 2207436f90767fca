/** The outbox of messages: one row for each time that a person, or the chain itself, has a step send its message. */
import { randomBytes } from 'node:crypto';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { orderEvents, smsOutbox } from '../../db/schema.js';
import type { Step } from './step.js';

export type SmsRow = typeof smsOutbox.$inferSelect;
export type NewSms = Omit<typeof smsOutbox.$inferInsert, 'status'>;

/**
 * 1, and one more for every retry or edit by a person. It is counted on the record, so that every try of one round
 * comes to the same row, whatever has crashed; Temporal's own try at it again is no new round.
 */
export async function roundOf(db: Db, { input, row }: Step): Promise<number> {
  // A person decides about a step that was tried.
  if (row.attempts <= 1) return 1;
  const decisions = await db.$count(
    orderEvents,
    and(
      eq(orderEvents.orderNo, input.orderNo),
      inArray(orderEvents.type, ['action.retried', 'action.edited']),
      sql`${orderEvents.data}->>'path' = ${input.path}`,
    ),
  );
  return decisions + 1;
}

/** The number that goes with the message to its provider: the order and the step's path. */
const keyOf = ({ input }: Step, round: number): string => (round === 1 ? input.key : `${input.key}#${round}`);

export function draftOf(
  step: Step,
  round: number,
  message: Omit<NewSms, 'id' | 'key' | 'orderNo' | 'path'>,
): NewSms {
  const { orderNo, path } = step.input;
  return { ...message, id: randomBytes(12).toString('hex'), key: keyOf(step, round), orderNo, path };
}

export async function smsOfRound(db: Db, step: Step, round: number): Promise<SmsRow | undefined> {
  // The first try of all finds none.
  if (step.row.attempts <= 1) return undefined;
  const [row] = await db
    .select()
    .from(smsOutbox)
    .where(eq(smsOutbox.key, keyOf(step, round)));
  return row;
}

/** @returns the row that there is, when another try was faster */
export async function insertSms(db: Db, draft: NewSms): Promise<SmsRow> {
  await db
    .insert(smsOutbox)
    .values({ ...draft, status: 'queued' })
    .onConflictDoNothing({ target: smsOutbox.key });
  const [row] = await db.select().from(smsOutbox).where(eq(smsOutbox.key, draft.key));
  if (row === undefined) throw new Error('a row that was inserted is not there');
  return row;
}

/** From one status to the next. @returns undefined when another try was faster */
export async function moveSms(
  db: Db,
  { key, status }: Pick<SmsRow, 'key' | 'status'>,
  change: Partial<SmsRow> & Pick<SmsRow, 'status'>,
): Promise<SmsRow | undefined> {
  const [moved] = await db
    .update(smsOutbox)
    .set(change)
    .where(and(eq(smsOutbox.key, key), eq(smsOutbox.status, status)))
    .returning();
  return moved;
}

/** The step's messages of earlier rounds that may have been sent. */
export function openSmsOf(db: Db, { orderNo, path }: Pick<NewSms, 'orderNo' | 'path'>): Promise<SmsRow[]> {
  return db
    .select()
    .from(smsOutbox)
    .where(
      and(
        eq(smsOutbox.orderNo, orderNo),
        eq(smsOutbox.path, path),
        inArray(smsOutbox.status, ['sending', 'unknown']),
      ),
    );
}
