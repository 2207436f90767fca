/** Differences as they are worked on: asked about, settled, and shown to people. */
import { and, eq, sql } from 'drizzle-orm';
import type { ProviderChannel } from '../domain/order.js';
import { type DifferenceType, feesKey } from '../domain/reconciliation.js';
import type { Db } from './client.js';
import type { ChannelDay } from './reconciliations.js';
import { type DifferenceFacts, reconciliationDifferences as differences, operatorItems } from './schema.js';

export type DifferenceRow = typeof differences.$inferSelect;

/** Payments of a day that are missing here, and about which its channel was not asked in this run. */
export async function toBeAsked(
  db: Db,
  { channel, date }: ChannelDay,
  run: number,
  limit: number,
): Promise<DifferenceRow[]> {
  return db
    .select()
    .from(differences)
    .where(
      and(
        eq(differences.channel, channel),
        eq(differences.date, date),
        eq(differences.type, 'missing_here'),
        eq(differences.kind, 'payment'),
        eq(differences.status, 'open'),
        sql`${differences.askedRun} IS DISTINCT FROM ${run}`,
      ),
    )
    .orderBy(differences.no, differences.providerNo)
    .limit(limit);
}

/** @param inboxId where the channel said "paid" */
export async function noteAsked(db: Db, id: number, run: number, inboxId: number | null): Promise<void> {
  await db.update(differences).set({ askedRun: run, inboxId }).where(eq(differences.id, id));
}

/**
 * Closes what our books have by now of what was missing here.
 * @returns how many payments the channel has confirmed, and are not in the books yet
 */
export async function settleBooked(db: Db, { channel, date }: ChannelDay): Promise<number> {
  const missing = sql`d.channel = ${channel} AND d.date = ${date} AND d.type = 'missing_here' AND d.status = 'open'`;
  await db.execute(sql`
    WITH booked AS (
      SELECT d.id, o.*
        FROM reconciliation_differences d
        CROSS JOIN LATERAL (
          SELECT order_no, jsonb_build_object('amount', amount, 'status', status, 'providerNo', provider_no) AS ours
            FROM provider_books o
           WHERE o.channel = ${channel} AND o.kind = d.kind AND o.no = d.no
             AND o.amount = (d.theirs ->> 'amount')::bigint
             AND (d.kind <> 'payment' OR o.provider_no = d.provider_no)
           LIMIT 1) o
       WHERE ${missing})
    UPDATE reconciliation_differences d
       SET status = 'resolved', resolution = 'booked', resolved_at = now(), order_no = booked.order_no,
           ours = booked.ours
      FROM booked WHERE d.id = booked.id`);
  const [row] = await db.execute<{ waiting: string }>(sql`
    SELECT count(*) AS waiting FROM reconciliation_differences d JOIN inbox i ON i.id = d.inbox_id
     WHERE ${missing} AND i.state = 'pending'`);
  return Number(row?.waiting ?? 0);
}

/**
 * One operator item a difference that is a person's, by its ref: opened once, opened again where its facts have
 * changed, and closed by itself where the difference is no more.
 * @param dates the day that was compared, and those beside it, whose late rows it has settled
 */
export async function updateItems(db: Db, channel: ProviderChannel, dates: readonly string[]): Promise<void> {
  const ofThese = sql`d.channel = ${channel} AND d.date = ANY (${sql.param([...dates])}::text[])`;
  await db.execute(sql`
    INSERT INTO operator_items AS i (id, kind, ref, order_no, details)
    SELECT left(encode(sha256(convert_to('difference' || d.ref, 'UTF8')), 'hex'), 24), 'difference', d.ref, d.order_no,
           jsonb_build_object('reconciliationId', d.channel || '-' || d.date, 'channel', d.channel, 'date', d.date,
             'type', d.type, 'kind', d.kind, 'no', d.no, 'providerNo', d.provider_no, 'ours', d.ours, 'theirs', d.theirs)
      FROM reconciliation_differences d
     WHERE ${ofThese} AND d.status = 'open' AND d.type <> 'late'
    ON CONFLICT (kind, ref) DO UPDATE SET
      status = 'open', details = EXCLUDED.details, resolution = NULL, reason = NULL, resolved_at = NULL, resolved_by = NULL
      WHERE i.status = 'resolved' OR i.details <> EXCLUDED.details`);
  await db.execute(sql`
    UPDATE operator_items i
       SET status = 'resolved', resolution = d.resolution, resolved_by = 'system', resolved_at = now(),
           reason = 'a later look found no difference'
      FROM reconciliation_differences d
     WHERE ${ofThese} AND d.status = 'resolved' AND i.kind = 'difference' AND i.ref = d.ref AND i.status = 'open'`);
}

/** Of a day whose bill could not be had. */
export const billItemRef = ({ channel, date }: ChannelDay): string => `${channel}/${date}/bill`;

/** The bill is there after all. */
export async function closeBillItem(db: Db, day: ChannelDay): Promise<void> {
  await db
    .update(operatorItems)
    .set({
      status: 'resolved',
      resolution: 'gone',
      reason: 'the bill is there',
      resolvedBy: 'system',
      resolvedAt: sql`now()`,
    })
    .where(
      and(
        eq(operatorItems.kind, 'difference'),
        eq(operatorItems.ref, billItemRef(day)),
        eq(operatorItems.status, 'open'),
      ),
    );
}

/** An operator has looked into it; goes into the caller's transaction. */
export async function closeByHand(tx: Db, ref: string): Promise<void> {
  await tx
    .update(differences)
    .set({ status: 'resolved', resolution: 'by_hand', resolvedAt: sql`now()` })
    .where(and(eq(differences.ref, ref), eq(differences.status, 'open')));
}

/** The sum of a day's fees is another one than was posted: what is posted stays, and a person looks at it. */
export async function feesDiffer(
  tx: Db,
  { channel, date }: ChannelDay,
  run: number,
  { posted, told }: { posted: number; told: number },
): Promise<void> {
  const facts = (amount: number): DifferenceFacts => ({ amount });
  const row = { run, ours: facts(posted), theirs: facts(told), status: 'open' } as const;
  await tx
    .insert(differences)
    .values({
      channel,
      date,
      type: 'fee_differs',
      kind: 'fees',
      no: feesKey(channel, date),
      providerNo: '',
      ...row,
    })
    .onConflictDoUpdate({
      target: [
        differences.channel,
        differences.date,
        differences.type,
        differences.kind,
        differences.no,
        differences.providerNo,
      ],
      set: {
        ...row,
        status: sql`CASE WHEN ${differences.resolution} = 'by_hand' AND ${differences.theirs} = ${JSON.stringify(row.theirs)}::jsonb
          THEN ${differences.status} ELSE 'open' END`,
      },
    });
}

/** Open ones of a day, by type. */
export async function countOpen(
  db: Db,
  { channel, date }: ChannelDay,
): Promise<Partial<Record<DifferenceType, number>>> {
  const rows = await db
    .select({ type: differences.type, count: sql<string>`count(*)` })
    .from(differences)
    .where(and(eq(differences.channel, channel), eq(differences.date, date), eq(differences.status, 'open')))
    .groupBy(differences.type);
  return Object.fromEntries(rows.map(({ type, count }) => [type, Number(count)]));
}
