/** What must hold of every refund, and of everything that is still under way. */
import type { Check } from './verdict-run.js';

/** Sums over the entries that a refund made. */
const MOVED = `
  SELECT r.id,
         COALESCE(sum(e.amount) FILTER (WHERE e.amount > 0), 0) AS set_out,
         COALESCE(-sum(e.amount) FILTER (WHERE e.amount < 0), 0) AS ended,
         COALESCE(-sum(e.amount) FILTER (WHERE e.amount < 0 AND p.kind = 'refund_settled'), 0) AS settled,
         COALESCE(-sum(e.amount) FILTER (WHERE e.amount < 0 AND p.kind = 'refund_failed'), 0) AS returned
    FROM refunds r
    LEFT JOIN entries e ON e.account = 'refunding:' || r.id
    LEFT JOIN postings p ON p.id = e.posting_id
   GROUP BY r.id`;

const BUCKETS = `('user:' || o.buyer_id || ':cash', 'user:' || o.buyer_id || ':withdrawable')`;

export const REFUND_CHECKS: readonly Check[] = [
  {
    promise: 'M6',
    name: 'a refund moves its amount once',
    sql: `SELECT r.id AS about, r.status || ' of ' || r.amount || ' fen: set out ' || m.set_out || ', settled ' ||
                 m.settled || ', returned ' || m.returned AS what
            FROM refunds r JOIN (${MOVED}) AS m USING (id)
           WHERE m.set_out <> CASE WHEN r.status IN ('processing', 'succeeded', 'failed') THEN r.amount ELSE 0 END
              OR m.settled <> CASE WHEN r.status = 'succeeded' THEN r.amount ELSE 0 END
              OR m.returned <> CASE WHEN r.status = 'failed' THEN r.amount ELSE 0 END
              OR m.ended <> m.settled + m.returned`,
  },
  {
    promise: 'M6',
    name: 'a refund is on its way for somebody',
    sql: `SELECT account AS about, 'there is no such refund' AS what FROM entries
           WHERE account LIKE 'refunding:%' AND NOT EXISTS (SELECT 1 FROM refunds WHERE id = substr(account, 11))
           GROUP BY account`,
  },
  {
    promise: 'M6',
    name: 'refunds never exceed what was captured',
    // A chargeback counts like a refund, until its bank gives it back to an order that is still held.
    sql: `SELECT o.order_no AS about, 'captured ' || o.captured || ', refunded ' || o.refunded || ', by its refunds ' ||
                 b.gone || ', by chargebacks ' || c.charged || ', going back ' || b.going AS what
            FROM orders o CROSS JOIN LATERAL (
              SELECT COALESCE(sum(amount) FILTER (WHERE status = 'succeeded'), 0) AS gone,
                     COALESCE(sum(amount) FILTER (WHERE status = 'processing'), 0) AS going
                FROM refunds r WHERE r.order_no = o.order_no AND r.source IS DISTINCT FROM 'suspense') AS b
            CROSS JOIN LATERAL (
              SELECT COALESCE(sum(CASE p.kind WHEN 'chargeback' THEN e.amount ELSE -e.amount END), 0) AS charged
                FROM postings p JOIN entries e ON e.posting_id = p.id
               WHERE p.order_no = o.order_no
                 AND (p.kind = 'chargeback' AND e.account LIKE 'channel:%'
                      OR p.kind = 'chargeback_returned' AND e.account = 'hold:' || o.order_no)) AS c
           WHERE o.refunded <> b.gone + c.charged OR b.gone + c.charged + b.going > o.captured`,
  },
  {
    promise: 'M6',
    name: 'one refund of an order is open at a time',
    sql: `SELECT o.order_no AS about, b.open || ' refunds are open, and the order says ' || o.refund_open AS what
            FROM orders o CROSS JOIN LATERAL (
              SELECT count(*) AS open FROM refunds r WHERE r.order_no = o.order_no
                 AND r.source IS DISTINCT FROM 'suspense' AND r.status IN ('requested', 'processing')) AS b
           WHERE b.open <> CASE WHEN o.refund_open THEN 1 ELSE 0 END`,
  },
  {
    promise: 'M6',
    name: 'a provider’s refund is booked once',
    sql: `SELECT channel || '/' || provider_refund_no AS about, 'is the end of ' || string_agg(id, ', ') AS what
            FROM refunds WHERE status = 'succeeded' AND channel = 'wechat' AND provider_refund_no IS NOT NULL
           GROUP BY channel, provider_refund_no HAVING count(*) > 1`,
  },
  {
    promise: 'M6',
    name: 'money goes back the way it came',
    sql: `SELECT r.id AS about, 'paid back ' || r.amount || ' fen, of which ' || COALESCE(b.arrived, 0) ||
                 ' the way they came (' || r.channel || ')' AS what
            FROM refunds r LEFT JOIN orders o ON o.order_no = r.order_no
            CROSS JOIN LATERAL (
              SELECT sum(e.amount) AS arrived FROM postings p JOIN entries e ON e.posting_id = p.id
               WHERE p.key = 'refund/' || r.id || ':settle' AND e.amount > 0
                 AND CASE WHEN r.channel = 'wallet' THEN e.account IN ${BUCKETS}
                          ELSE e.account = 'channel:' || r.channel END) AS b
           WHERE r.status = 'succeeded' AND COALESCE(b.arrived, 0) <> r.amount
          UNION ALL
          SELECT o.order_no, 'bucket ' || e.account || ' gave ' || sum(CASE WHEN p.kind = 'payment' THEN -e.amount ELSE 0 END)
                 || ' and got back ' || sum(CASE WHEN p.kind = 'refund_settled' THEN e.amount ELSE 0 END)
            FROM orders o JOIN postings p ON p.order_no = o.order_no AND p.kind IN ('payment', 'refund_settled')
            JOIN entries e ON e.posting_id = p.id AND e.account IN ${BUCKETS}
           WHERE o.paid_channel = 'wallet'
           GROUP BY o.order_no, e.account HAVING sum(e.amount) > 0`,
  },
  {
    promise: 'T6',
    name: 'stuck_orders is empty',
    sql: `SELECT order_no AS about, status || ': ' || why || ' since ' || since AS what FROM stuck_orders`,
  },
  {
    promise: 'T6',
    name: 'an order that is not final has a start',
    sql: `SELECT o.order_no AS about, 'nothing starts its workflow' AS what FROM orders o
           WHERE NOT EXISTS (SELECT 1 FROM outbox x WHERE x.order_no = o.order_no)`,
  },
  {
    promise: 'T6',
    name: 'held money has a time for its release',
    sql: `SELECT order_no AS about, 'is held and never released' AS what FROM orders
           WHERE money = 'held' AND release_due_at IS NULL`,
  },
  {
    promise: 'T6',
    name: 'a parked step and its operator item go together',
    sql: `SELECT s.order_no AS about, 'step ' || s.path || ' is parked, and no open item says so' AS what
            FROM action_steps s WHERE s.status = 'parked' AND NOT EXISTS (
              SELECT 1 FROM operator_items i
               WHERE i.kind = 'parked_step' AND i.ref = s.order_no || ':' || s.path AND i.status = 'open')
          UNION ALL
          SELECT i.order_no, 'an open item is about ' || i.ref || ', which is not parked'
            FROM operator_items i WHERE i.kind = 'parked_step' AND i.status = 'open' AND NOT EXISTS (
              SELECT 1 FROM action_steps s WHERE s.order_no || ':' || s.path = i.ref AND s.status = 'parked')`,
  },
  {
    promise: 'T6',
    name: 'a chain says what its steps say',
    sql: `SELECT o.order_no AS about, 'its chain is ' || o.chain || ', by its steps ' || c.chain AS what
            FROM orders o CROSS JOIN LATERAL (
              SELECT CASE WHEN count(*) = 0 THEN 'none'
                          WHEN count(*) FILTER (WHERE status = 'parked') > 0 THEN 'parked'
                          WHEN count(*) FILTER (WHERE status IN ('pending', 'running')) > 0 THEN 'running'
                          ELSE 'done' END AS chain
                FROM action_steps s WHERE s.order_no = o.order_no) AS c
           WHERE o.chain <> c.chain`,
  },
  {
    promise: 'T6',
    name: 'a refund under way is watched',
    sql: `SELECT id AS about, 'is processing, and nobody looks after it' AS what FROM refunds
           WHERE status = 'processing' AND channel <> 'wallet' AND start_due_at IS NULL`,
  },
  {
    promise: 'W5',
    name: 'an open attempt is asked about',
    sql: `SELECT order_no AS about, 'attempt ' || out_trade_no || ' is ' || status || ', and nobody asks about it' AS what
            FROM payments WHERE status IN ('creating', 'pending') AND channel <> 'wallet' AND ask_at IS NULL`,
  },
];
