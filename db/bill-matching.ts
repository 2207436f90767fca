/**
 * A staged bill against our books, by a few statements over all of it: no side is ever in a process. The staging is
 * empty for most of the day, so the planner takes a bill for a handful of rows. Left to itself it compares each row of
 * one side with each of the other: `LATERAL ... LIMIT 1` makes it look up each row of the bill by our books' indexes,
 * and what joins the bill otherwise is kept from nested loops.
 */
import { type SQL, sql } from 'drizzle-orm';
import type { ProviderChannel } from '../domain/order.js';
import { dayBeside } from '../domain/reconciliation.js';
import type { Db } from './client.js';

export interface Matching {
  id: string;
  channel: ProviderChannel;
  date: string;
  run: number;
  startsAt: Date;
  endsAt: Date;
  /** What the provider takes of a payment by contract; null where nobody has said so. */
  feeBps: number | null;
  /** So close to midnight a row may be in the bill of the day beside. */
  lateWithinMs: number;
  /** The day before and the day after, where their bill is still to be looked at; else null. */
  before: string | null;
  after: string | null;
}

/** Providers round to the nearest fen. Of a refund they give the fee of that part back, or nothing. */
const feeOf = (feeBps: number | null): SQL => sql`(amount * ${feeBps}::bigint + 5000) / 10000`;

const isoOf = (at: SQL): SQL => sql`to_char(${at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Whether a row of the bill, `b`, is about the same trade, refund or payout as `o`. */
const SAME = sql`b.no = o.no AND b.kind = o.kind AND (o.kind <> 'payment' OR b.provider_no = o.provider_no)`;

/** What an operator has closed stays closed while the facts are the same. */
const STORED = sql`
  ON CONFLICT (channel, date, type, kind, no, provider_no) DO UPDATE SET
    run = EXCLUDED.run, ours = EXCLUDED.ours, theirs = EXCLUDED.theirs, order_no = EXCLUDED.order_no,
    awaits = EXCLUDED.awaits,
    (status, resolution, resolved_at) = (
      SELECT CASE WHEN kept THEN d.status ELSE EXCLUDED.status END,
             CASE WHEN kept THEN d.resolution ELSE EXCLUDED.resolution END,
             CASE WHEN kept THEN d.resolved_at ELSE EXCLUDED.resolved_at END
        FROM (SELECT d.resolution = 'by_hand' AND d.ours IS NOT DISTINCT FROM EXCLUDED.ours
                     AND d.theirs IS NOT DISTINCT FROM EXCLUDED.theirs AS kept) k)`;

const OURS = sql`jsonb_build_object(
  'amount', o.amount, 'status', o.status, 'at', ${isoOf(sql`o.at`)}, 'providerNo', o.provider_no)`;

/**
 * Every row of the bill against ours of its number, whatever day that is of.
 * @returns how many of the bill our books have alike
 */
export async function matchBill(tx: Db, given: Matching): Promise<number> {
  const { id, channel, date, run, startsAt, endsAt, feeBps } = given;
  const [starts, ends] = [startsAt.toISOString(), endsAt.toISOString()];
  const [row] = await tx.execute<{ matched: string }>(sql`
    WITH theirs AS (
      SELECT DISTINCT ON (kind, no, part) b.*, count(*) OVER (PARTITION BY kind, no, part) AS copies
        -- A second payment of one attempt is another trade; a second refund of one number is a repetition, and a payout
        -- that came back is told twice, with another status.
        FROM (SELECT *, CASE WHEN kind = 'payment' OR no = '' THEN provider_no ELSE status END AS part
                FROM bill_rows WHERE reconciliation_id = ${id}) b
       ORDER BY kind, no, part, line),
    pairs AS (
      SELECT b.*, o.amount AS our_amount, o.status AS our_status, o.at AS our_at, o.order_no, o.booked,
             CASE WHEN o.at IS NOT NULL THEN ${OURS} END AS ours
        FROM theirs b LEFT JOIN LATERAL (
          SELECT * FROM provider_books o WHERE o.channel = ${channel} AND ${SAME} LIMIT 1) o ON true),
    judged AS (
      SELECT p.*, array_remove(ARRAY[
        CASE WHEN our_at IS NULL AND status <> 'failed' THEN 'missing_here' END,
        CASE WHEN amount <> our_amount AND (status <> 'failed' OR our_status <> 'failed')
          THEN 'amount_differs' END,
        CASE WHEN status <> our_status
              -- Paid and sent back: the bill may say either.
              AND NOT (our_status = 'bounced' AND status IN ('succeeded', 'failed'))
              -- Settled after the bill's day.
              AND NOT (booked AND status = 'processing' AND our_at >= ${ends}::timestamptz)
          THEN 'status_differs' END,
        CASE WHEN status = 'succeeded' AND (kind = 'payment' AND fee <> ${feeOf(feeBps)}
                                             OR kind = 'refund' AND fee NOT IN (0, -(${feeOf(feeBps)})))
          THEN 'fee_differs' END,
        CASE WHEN copies > 1 THEN 'duplicate' END,
        CASE WHEN booked AND status <> 'failed' AND (our_at < ${starts}::timestamptz OR our_at >= ${ends}::timestamptz)
          THEN 'late' END], NULL) AS types
        FROM pairs p),
    stored AS (
      INSERT INTO reconciliation_differences AS d
        (channel, date, type, kind, no, provider_no, ours, theirs, order_no, status, resolution, resolved_at, run)
      SELECT DISTINCT ON (type, kind, no, provider_no) ${channel}, ${date}, type, kind, no, provider_no, ours,
             jsonb_build_object('amount', amount, 'status', status, 'at', ${isoOf(sql`j.at`)},
               'providerNo', provider_no, 'fee', fee, 'copies', copies),
             order_no, CASE type WHEN 'late' THEN 'resolved' ELSE 'open' END,
             CASE type WHEN 'late' THEN 'matched' END, CASE type WHEN 'late' THEN now() END, ${run}::int
        FROM judged j CROSS JOIN LATERAL unnest(j.types) AS found (type)
       ORDER BY type, kind, no, provider_no, line
      ${STORED}
      RETURNING 1)
    SELECT count(*) FILTER (WHERE our_at IS NOT NULL AND types <@ ARRAY['late']) AS matched FROM judged`);
  return Number(row?.matched ?? 0);
}

/** Our rows of the day that the bill has not. */
export async function findMissingThere(tx: Db, given: Matching): Promise<void> {
  const { id, channel, date, run, startsAt, endsAt, lateWithinMs, before, after } = given;
  const at = (ms: number): string => new Date(ms).toISOString();
  await tx.execute(sql`SET LOCAL enable_nestloop = off`);
  await tx.execute(sql`
    INSERT INTO reconciliation_differences AS d
      (channel, date, type, kind, no, provider_no, ours, order_no, awaits, status, run)
    SELECT ${channel}, ${date}, CASE WHEN awaits IS NULL THEN 'missing_there' ELSE 'late' END, kind, no, provider_no,
           ${OURS}, order_no, awaits, 'open', ${run}::int
      FROM (
        SELECT o.*,
               CASE WHEN o.at >= ${at(endsAt.getTime() - lateWithinMs)}::timestamptz THEN ${after}::text
                    WHEN o.at < ${at(startsAt.getTime() + lateWithinMs)}::timestamptz THEN ${before}::text END AS awaits
          FROM provider_books o
         WHERE o.channel = ${channel} AND o.booked AND o.at >= ${startsAt.toISOString()}::timestamptz AND o.at < ${endsAt.toISOString()}::timestamptz
           AND NOT EXISTS (SELECT 1 FROM bill_rows b WHERE b.reconciliation_id = ${id} AND ${SAME})
           AND NOT EXISTS (
             SELECT 1 FROM reconciliation_differences b
              WHERE b.type = 'late' AND b.theirs IS NOT NULL AND b.channel = ${channel} AND ${SAME})) o
    ${STORED}`);
  await tx.execute(sql`SET LOCAL enable_nestloop = on`);
}

/**
 * What waited for this day's bill: it has it, or nobody has. What was missing in the bill of the day before, at whatever
 * hour, may be in this one too.
 */
export async function settleLate(tx: Db, { id, channel, date }: Matching): Promise<void> {
  const open = sql`o.channel = ${channel} AND o.status = 'open'`;
  const waits = sql`${open} AND o.type = 'late' AND o.awaits = ${date}`;
  const wasMissing = sql`${open} AND o.type = 'missing_there' AND o.date = ${dayBeside(date, -1)}`;
  await tx.execute(sql`SET LOCAL enable_nestloop = off`);
  await tx.execute(sql`
    UPDATE reconciliation_differences o
       SET status = 'resolved', resolution = 'matched', resolved_at = now(),
           theirs = jsonb_build_object('amount', b.amount, 'status', b.status, 'at', ${isoOf(sql`b.at`)},
             'providerNo', b.provider_no, 'fee', b.fee)
      FROM bill_rows b
     WHERE (${waits} OR ${wasMissing}) AND b.reconciliation_id = ${id} AND ${SAME}`);
  await tx.execute(sql`SET LOCAL enable_nestloop = on`);
  await tx.execute(sql`
    WITH nowhere AS (
      UPDATE reconciliation_differences o SET status = 'resolved', resolution = 'missing', resolved_at = now()
       WHERE ${waits} RETURNING *)
    INSERT INTO reconciliation_differences AS d
      (channel, date, type, kind, no, provider_no, ours, order_no, status, run)
    SELECT channel, date, 'missing_there', kind, no, provider_no, ours, order_no, 'open', run FROM nowhere
    ${STORED}`);
}

/** What an earlier run of the day found, and this one has not found again. */
export async function closeGone(tx: Db, { channel, date, run }: Matching): Promise<void> {
  await tx.execute(sql`
    UPDATE reconciliation_differences SET status = 'resolved', resolution = 'gone', resolved_at = now()
     WHERE channel = ${channel} AND date = ${date} AND status = 'open' AND run < ${run}`);
}

/** One bill of a channel at a time, since days that lie side by side wait for each other's. */
export async function lockChannel(tx: Db, channel: ProviderChannel): Promise<void> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtext('reconciliation'), hashtext(${channel}))`);
}

/** What the provider kept of the day, net of what it gave back. Fen. */
export async function feesOfBill(tx: Db, id: string): Promise<number> {
  const [row] = await tx.execute<{ fees: string }>(sql`
    SELECT COALESCE(sum(fee), 0) AS fees FROM bill_rows WHERE reconciliation_id = ${id} AND status <> 'failed'`);
  return Number(row?.fees ?? 0);
}

/** Whether our books have anything of that day that a bill could tell of. */
export async function isBookedDay(
  db: Db,
  { channel, startsAt, endsAt }: Pick<Matching, 'channel' | 'startsAt' | 'endsAt'>,
): Promise<boolean> {
  const [row] = await db.execute<{ any: boolean }>(sql`
    SELECT EXISTS (
      SELECT 1 FROM provider_books o WHERE o.channel = ${channel} AND o.booked
         AND o.at >= ${startsAt.toISOString()}::timestamptz AND o.at < ${endsAt.toISOString()}::timestamptz) AS any`);
  return row?.any === true;
}
