/** What must hold of every order's money and status, recomputed from entries and events. */
import type { Check } from './verdict-run.js';

const IS_HELD_KIND = `o.kind IN ('deal', 'course')`;

/** Sums over the entries of an order's own postings, by what they mean. */
const MONEY = `
  SELECT o.order_no,
         count(DISTINCT p.id) FILTER (WHERE p.kind = 'payment') AS payments,
         count(DISTINCT p.id) FILTER (WHERE p.kind = 'release') AS releases,
         count(DISTINCT p.id) FILTER (WHERE p.kind = 'close') AS closes,
         COALESCE(sum(e.amount) FILTER (WHERE p.kind = 'payment' AND e.amount > 0), 0) AS arrived,
         COALESCE(sum(e.amount) FILTER (WHERE p.kind = 'payment' AND e.amount > 0 AND e.account =
           CASE WHEN ${IS_HELD_KIND} THEN 'hold:' || o.order_no
                WHEN o.kind = 'topup' THEN 'user:' || o.buyer_id || ':cash' ELSE 'platform:sales' END), 0) AS placed,
         COALESCE(-sum(e.amount) FILTER (WHERE p.kind = 'payment' AND e.amount < 0 AND
           CASE WHEN o.paid_channel = 'wallet'
                THEN e.account IN ('user:' || o.buyer_id || ':cash', 'user:' || o.buyer_id || ':withdrawable')
                ELSE e.account = 'channel:' || o.paid_channel END), 0) AS taken,
         COALESCE(-sum(e.amount) FILTER (WHERE p.kind = 'release' AND e.account = 'hold:' || o.order_no), 0) AS released,
         COALESCE(sum(e.amount) FILTER (WHERE p.kind = 'release' AND e.account IN
           ('user:' || o.seller_id || ':withdrawable', 'user:' || o.seller_id || ':debt')), 0) AS earned,
         COALESCE(sum(e.amount) FILTER (WHERE e.account = 'platform:fees'), 0) AS fees,
         COALESCE(sum(e.amount) FILTER (WHERE e.account = 'hold:' || o.order_no), 0) AS held,
         COALESCE(-sum(e.amount) FILTER (WHERE p.kind IN ('chargeback', 'chargeback_returned')
           AND e.account = 'hold:' || o.order_no), 0) AS charged_from_hold,
         COALESCE(bool_or(p.kind IN ('chargeback', 'chargeback_returned') AND e.account LIKE 'user:%'), false)
           AS charged_later
    FROM orders o
    LEFT JOIN postings p ON p.order_no = o.order_no
    LEFT JOIN entries e ON e.posting_id = p.id
   GROUP BY o.order_no`;

/** What of an order's own money went back, and what is on its way. */
const BACK = `
  SELECT order_no,
         COALESCE(sum(amount) FILTER (WHERE status = 'succeeded'), 0) AS gone,
         COALESCE(sum(amount) FILTER (WHERE status = 'succeeded' AND source = 'hold'), 0) AS gone_from_hold,
         COALESCE(sum(amount) FILTER (WHERE status = 'processing'), 0) AS going,
         COALESCE(sum(amount) FILTER (WHERE status = 'processing' AND source = 'hold'), 0) AS going_from_hold
    FROM refunds WHERE source IS DISTINCT FROM 'suspense' GROUP BY order_no`;

const FROM_ORDERS = `
    FROM orders o JOIN (${MONEY}) AS m USING (order_no)
    LEFT JOIN LATERAL (SELECT COALESCE(max(b.gone), 0) AS gone, COALESCE(max(b.gone_from_hold), 0) AS gone_from_hold,
                              COALESCE(max(b.going), 0) AS going, COALESCE(max(b.going_from_hold), 0) AS going_from_hold
                         FROM (${BACK}) AS b WHERE b.order_no = o.order_no) AS b ON true`;

/** Where a status may go; anything else is a jump. `closed` and `refunded` absorb. */
const STEPS = Object.entries({
  unpaid: ['paid', 'completed', 'closed'],
  paid: ['action_required', 'completed', 'partially_refunded', 'refund_requested'],
  action_required: ['paid', 'completed', 'partially_refunded', 'refund_requested'],
  completed: ['refund_requested'],
  refund_requested: ['paid', 'action_required', 'completed', 'partially_refunded', 'refunded'],
  partially_refunded: ['refund_requested'],
}).flatMap(([from, next]) => next.map((to) => `('${from}', '${to}')`));

export const ORDER_CHECKS: readonly Check[] = [
  {
    promise: 'M4',
    name: 'a payment goes where the kind of order says',
    sql: `SELECT o.order_no AS about,
                 'captured ' || o.captured || ' of ' || o.amount || ', arrived ' || m.arrived || ', in its place ' ||
                 m.placed || ', from its payer ' || m.taken AS what ${FROM_ORDERS}
           WHERE o.money IN ('held', 'released')
             AND (o.captured <> o.amount OR m.arrived <> o.captured OR m.placed <> o.captured OR m.taken <> o.captured)`,
  },
  {
    promise: 'M4',
    name: 'a hold is what was captured and has not left',
    sql: `SELECT o.order_no AS about, 'its hold is ' || m.held || ', money is ' || o.money || ', captured ' ||
                 o.captured || ', went back ' || b.gone || ', going back ' || b.going AS what ${FROM_ORDERS}
           WHERE m.held <> CASE WHEN o.money = 'held' THEN o.captured - b.gone_from_hold - b.going_from_hold
                                                  - m.charged_from_hold ELSE 0 END`,
  },
  {
    promise: 'M4',
    name: 'the seller and the platform get what was released',
    sql: `SELECT o.order_no AS about, 'released ' || m.released || ', the seller got ' || m.earned || ', fees ' ||
                 m.fees || ' at ' || o.fee_bps || ' basis points' AS what ${FROM_ORDERS}
           WHERE m.releases > 0
             AND (m.released <> o.captured - b.gone_from_hold - m.charged_from_hold
                  OR m.earned <> m.released - floor(m.released * o.fee_bps / 10000)
                  -- What a bank takes of released money, or gives back later, has the fee of its own part.
                  OR NOT m.charged_later AND
                     m.fees <> floor((o.captured - b.gone - b.going - m.charged_from_hold) * o.fee_bps / 10000))`,
  },
  {
    promise: 'M4',
    name: 'a hold belongs to an order',
    sql: `SELECT account AS about, 'there is no such order' AS what FROM entries
           WHERE account LIKE 'hold:%' AND NOT EXISTS (SELECT 1 FROM orders WHERE order_no = substr(account, 6))
           GROUP BY account`,
  },
  {
    promise: 'M5',
    name: 'an order is paid by one payment',
    sql: `SELECT o.order_no AS about, o.money || ' with ' || m.payments || ' payments posted, ' || a.paid ||
                 ' attempts paid, payment ' || COALESCE(o.payment_id, 'none') AS what ${FROM_ORDERS}
            CROSS JOIN LATERAL (SELECT count(*) AS paid, count(*) FILTER (WHERE y.id = o.payment_id) AS own
                                  FROM payments y WHERE y.order_no = o.order_no AND y.status = 'paid') AS a
           WHERE m.payments <> CASE WHEN o.money IN ('held', 'released') THEN 1 ELSE 0 END
              OR a.paid <> CASE WHEN o.captured > 0 THEN 1 ELSE 0 END OR a.own <> a.paid`,
  },
  {
    promise: 'M5',
    name: 'a trade pays one order',
    sql: `SELECT channel || '/' || provider_trade_no AS about, 'paid ' || string_agg(order_no, ', ') AS what
            FROM payments WHERE status = 'paid' GROUP BY channel, provider_trade_no HAVING count(*) > 1
          UNION ALL
          SELECT channel || '/' || provider_trade_no, 'paid ' || y.order_no || ' and stands in suspense too'
            FROM payments y JOIN postings p ON p.key IN ('suspense/' || channel || '/' || provider_trade_no,
                                                         'suspense/' || channel || '/' || provider_trade_no || ':corrected')
           WHERE y.status = 'paid' AND NOT EXISTS (
             SELECT 1 FROM postings x WHERE x.key = p.key || ':out' AND x.kind = 'suspense_superseded')`,
  },
  {
    promise: 'M5',
    name: 'a second payment is not taken for the first',
    sql: `SELECT 'inbox ' || i.id AS about, 'was applied to ' || y.order_no || ' as trade ' || i.provider_trade_no ||
                 ', which was paid by ' || COALESCE(w.provider_trade_no, 'none') AS what
            FROM inbox i
            JOIN payments y ON y.out_trade_no = i.out_trade_no AND y.channel = i.channel
            JOIN orders o ON o.order_no = y.order_no
            LEFT JOIN payments w ON w.id = o.payment_id
           WHERE i.kind = 'paid' AND i.state = 'applied'
             AND (w.channel, w.provider_trade_no) IS DISTINCT FROM (i.channel, i.provider_trade_no)`,
  },
  {
    promise: 'M5',
    name: 'a payment that fits no order is on its way back or with a person',
    sql: `SELECT 'inbox ' || i.id AS about, i.state || ' trade ' || i.provider_trade_no || ' left no trace' AS what
            FROM inbox i
           WHERE i.state = 'returned' AND NOT EXISTS (
                   SELECT 1 FROM refunds r WHERE r.source = 'suspense' AND r.channel = i.channel
                      AND r.out_trade_no = i.out_trade_no AND r.amount = i.amount)
              OR i.state = 'review' AND NOT EXISTS (
                   SELECT 1 FROM operator_items t WHERE t.kind = 'suspense'
                      AND t.ref = i.channel || '/' || i.provider_trade_no || '/' || i.out_trade_no)`,
  },
  {
    promise: 'M7',
    name: 'a status moves by legal steps',
    sql: `WITH steps (came, went) AS (VALUES ${STEPS.join(', ')}),
          path AS (
            SELECT id, order_no, data ->> 'from' AS came, data ->> 'to' AS went,
                   COALESCE(lag(data ->> 'to') OVER (PARTITION BY order_no ORDER BY id), 'unpaid') AS before
              FROM order_events WHERE type LIKE 'order.%' AND data ? 'from')
          SELECT order_no AS about, 'went from ' || came || ' to ' || went || ', and was ' || before AS what
            FROM path WHERE before <> came
              OR (came, went) NOT IN (SELECT came, went FROM steps)
                 -- A bank asks nobody first.
                 AND NOT (came IN ('paid', 'action_required', 'completed', 'partially_refunded')
                          AND went IN ('refunded', 'partially_refunded')
                          AND EXISTS (SELECT 1 FROM postings p
                                       WHERE p.order_no = path.order_no AND p.kind = 'chargeback'))`,
  },
  {
    promise: 'M7',
    name: 'a status is where its steps led',
    sql: `SELECT o.order_no AS about, 'is ' || o.status || ', and its last step led to ' || s.went AS what
            FROM orders o CROSS JOIN LATERAL (
              SELECT COALESCE((SELECT data ->> 'to' FROM order_events e
                                WHERE e.order_no = o.order_no AND e.type LIKE 'order.%' AND e.data ? 'from'
                                ORDER BY id DESC LIMIT 1), 'unpaid') AS went) AS s
           WHERE s.went <> o.status`,
  },
  {
    promise: 'M7',
    name: 'a closed order holds no money',
    sql: `SELECT o.order_no AS about, o.money || ' with ' || m.closes || ' closes, captured ' || o.captured AS what
            ${FROM_ORDERS}
           WHERE m.closes <> CASE WHEN o.money = 'closed' THEN 1 ELSE 0 END
              OR (o.money IN ('unpaid', 'closed') AND (o.captured <> 0 OR o.refunded <> 0 OR o.refund_open))`,
  },
  {
    promise: 'M8',
    name: 'held money is released once, or went back whole',
    sql: `SELECT o.order_no AS about, o.money || ' by ' || COALESCE(o.released_by, 'nobody') || ' with ' || m.releases ||
                 ' releases, refunded ' || o.refunded AS what ${FROM_ORDERS}
           WHERE ${IS_HELD_KIND}
             AND (m.releases <> CASE WHEN o.money = 'released' AND o.released_by NOT IN ('refund', 'chargeback') THEN 1 ELSE 0 END
                  OR (o.released_by IN ('refund', 'chargeback') AND o.refunded <> o.captured)
                  OR (o.money = 'released' AND (o.released_by IS NULL OR o.released_at IS NULL)))
              OR NOT ${IS_HELD_KIND} AND m.releases > 0`,
  },
  {
    promise: 'M8',
    name: 'nothing is released by itself before it is due',
    // Later than a minute after it was paid is found late: an hour from then, or the window where that is shorter.
    sql: `SELECT o.order_no AS about, 'released at ' || p.created_at || ', due at ' || d.due AS what
            FROM orders o JOIN postings p ON p.order_no = o.order_no AND p.kind = 'release'
            CROSS JOIN LATERAL (SELECT o.auto_confirm_after_ms * interval '1 ms' AS span) AS s
            CROSS JOIN LATERAL (
              SELECT COALESCE(sum(CASE r.status WHEN 'rejected' THEN r.decided_at ELSE r.settled_at END - r.created_at)
                                FILTER (WHERE r.channel = 'wallet' OR r.status IN ('rejected', 'failed')),
                              interval '0') AS kept
                FROM refunds r JOIN postings q ON q.key = 'refund/' || r.id || ':request' AND q.id < p.id
               WHERE r.order_no = o.order_no AND r.source IS DISTINCT FROM 'suspense'
                 AND r.status IN ('rejected', 'failed', 'succeeded')) AS k
            CROSS JOIN LATERAL (
              SELECT k.kept + CASE
                WHEN o.received_at - o.paid_at <= LEAST(interval '1 minute', s.span) THEN o.paid_at + s.span
                ELSE GREATEST(o.paid_at + s.span, o.received_at + LEAST(interval '1 hour', s.span)) END AS due) AS d
           WHERE o.released_by = 'auto-confirm'
             AND (p.created_at < d.due - interval '2 ms' OR o.released_at < d.due - interval '2 ms'
                  OR o.release_due_at < d.due - interval '2 ms')`,
  },
  {
    promise: 'M8',
    name: 'nothing is released while a refund is open',
    // Postings of one order are written under its row's lock: their ids are in the order of their effect.
    sql: `SELECT o.order_no AS about, 'was released while refund ' || r.id || ' was open' AS what
            FROM orders o
            JOIN postings p ON p.order_no = o.order_no AND p.kind = 'release'
            JOIN refunds r ON r.order_no = o.order_no AND r.source IS DISTINCT FROM 'suspense'
            JOIN postings q ON q.key = 'refund/' || r.id || ':request'
            LEFT JOIN postings z ON z.key IN ('refund/' || r.id || ':reject', 'refund/' || r.id || ':settle',
                                              'refund/' || r.id || ':return')
           WHERE p.id > q.id AND (z.id IS NULL OR p.id < z.id)`,
  },
  {
    promise: 'M8',
    name: 'what happens once is told once',
    sql: `SELECT order_no AS about, type || ' was told ' || count(*) || ' times' AS what FROM order_events
           WHERE type IN ('order.created', 'payment.received', 'money.released', 'close.decided', 'order.closed')
           GROUP BY order_no, type HAVING count(*) > 1`,
  },
];
