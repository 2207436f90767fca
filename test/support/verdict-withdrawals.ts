/** What must hold of every withdrawal, recomputed from entries and from what was told of it. */
import type { Check } from './verdict-run.js';

const UNDER_WAY = `('approved', 'submitted', 'awaiting_receiver')`;

/** Where a user's own money is. */
const OWN = `('user:' || w.user_id || ':withdrawable', 'user:' || w.user_id || ':debt')`;

/** Sums over the entries that a withdrawal made, by what they mean. */
const MOVED = `
  SELECT w.id,
         COALESCE(-sum(e.amount) FILTER (WHERE p.key LIKE '%:request' AND e.account = 'user:' || w.user_id || ':withdrawable'), 0) AS taken,
         COALESCE(sum(e.amount) FILTER (WHERE e.account = 'user:' || w.user_id || ':frozen'), 0) AS frozen,
         COALESCE(sum(e.amount) FILTER (WHERE p.key LIKE '%:paid' AND e.account = 'channel:' || w.channel), 0) AS paid,
         COALESCE(sum(e.amount) FILTER (WHERE p.key LIKE '%:return' AND e.account IN ${OWN}), 0) AS returned,
         COALESCE(sum(e.amount) FILTER (WHERE p.key LIKE '%:bounce' AND e.account IN ${OWN}), 0) AS bounced
    FROM withdrawals w
    LEFT JOIN postings p ON p.key IN ('withdrawal/' || w.id || ':request', 'withdrawal/' || w.id || ':paid',
                                      'withdrawal/' || w.id || ':return', 'withdrawal/' || w.id || ':bounce')
    LEFT JOIN entries e ON e.posting_id = p.id
   GROUP BY w.id`;

/** What is told of a withdrawal that came to a status, in its order. */
const TOLD = Object.entries({
  requested: 'requested',
  approved: 'requested approved',
  submitted: 'requested approved',
  awaiting_receiver: 'requested approved',
  paid: 'requested approved paid',
  failed: 'requested approved failed',
  rejected: 'requested rejected',
  bounced: 'requested approved paid bounced',
}).map(([status, told]) => `('${status}', '${told}')`);

const amountIf = (...statuses: string[]): string =>
  `CASE WHEN w.status IN (${statuses.map((one) => `'${one}'`).join(', ')}) THEN w.amount ELSE 0 END`;

export const WITHDRAWAL_CHECKS: readonly Check[] = [
  {
    promise: 'M4',
    name: 'a withdrawal moves its amount once',
    sql: `SELECT w.id AS about, w.status || ' of ' || w.amount || ' fen: taken ' || m.taken || ', frozen ' || m.frozen ||
                 ', paid ' || m.paid || ', returned ' || m.returned || ', came back ' || m.bounced AS what
            FROM withdrawals w JOIN (${MOVED}) AS m USING (id)
           WHERE m.taken <> w.amount
              OR m.frozen <> ${amountIf('requested', 'approved', 'submitted', 'awaiting_receiver')}
              OR m.paid <> ${amountIf('paid', 'bounced')}
              OR m.returned <> ${amountIf('failed', 'rejected')}
              OR m.bounced <> ${amountIf('bounced')}`,
  },
  {
    promise: 'M4',
    name: 'a posting of a withdrawal has its withdrawal',
    sql: `SELECT key AS about, 'there is no such withdrawal' AS what FROM postings
           WHERE key LIKE 'withdrawal/%'
             AND NOT EXISTS (SELECT 1 FROM withdrawals WHERE id = split_part(substr(key, 12), ':', 1))`,
  },
  {
    promise: 'M3',
    name: 'frozen is what is on its way out',
    sql: `SELECT account AS about, 'holds ' || COALESCE(held.fen, 0) || ', on their way are ' || COALESCE(going.fen, 0) AS what
            FROM (SELECT account, sum(amount) AS fen FROM entries WHERE account LIKE 'user:%:frozen' GROUP BY 1) AS held
            FULL JOIN (SELECT 'user:' || user_id || ':frozen' AS account, sum(amount) AS fen FROM withdrawals
                        WHERE status = 'requested' OR status IN ${UNDER_WAY} GROUP BY 1) AS going USING (account)
           WHERE COALESCE(held.fen, 0) <> COALESCE(going.fen, 0)`,
  },
  {
    promise: 'M7',
    name: 'what becomes of a withdrawal is told once',
    sql: `SELECT w.id AS about, 'is ' || w.status || ', and told was: ' || COALESCE(x.told, 'nothing') AS what
            FROM withdrawals w
            JOIN (VALUES ${TOLD.join(', ')}) AS t (status, told) USING (status)
            LEFT JOIN (SELECT ref, string_agg(replace(type, 'withdrawal.', ''), ' ' ORDER BY id) AS told
                         FROM account_events GROUP BY ref) AS x ON x.ref = w.id
           WHERE x.told IS DISTINCT FROM t.told`,
  },
  {
    promise: 'M9',
    name: 'money comes back by a definite word alone',
    sql: `SELECT id AS about, 'is ' || status || ' because of ' || COALESCE(error ->> 'code', 'nothing') AS what
            FROM withdrawals
           WHERE (status IN ('failed', 'bounced') AND error ->> 'code' IS DISTINCT FROM 'channel_refused')
              OR (status = 'rejected' AND decided_by IS NULL)`,
  },
  {
    promise: 'S1',
    name: 'enough others approved what went out',
    sql: `SELECT id AS about, 'is ' || status || ' by ' || cardinality(approved_by) || ' of ' || approvals_needed AS what
            FROM withdrawals w
           WHERE status NOT IN ('requested', 'rejected')
             AND ((SELECT count(DISTINCT one) FROM unnest(approved_by) AS one) < approvals_needed
                  OR 'user:' || user_id = ANY (approved_by))`,
  },
  {
    promise: 'T6',
    name: 'stuck_withdrawals is empty',
    sql: `SELECT id AS about, status || ': ' || why || ' since ' || since AS what FROM stuck_withdrawals`,
  },
  {
    promise: 'T6',
    name: 'a payout that came to nothing has an operator item',
    sql: `SELECT w.id AS about, 'is ' || w.status || ', and no item says so' AS what FROM withdrawals w
           WHERE w.status IN ('failed', 'bounced') AND NOT EXISTS (
             SELECT 1 FROM operator_items i WHERE i.kind = 'failed_payout' AND i.ref = w.id)`,
  },
];
