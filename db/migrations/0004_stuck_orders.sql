ALTER TABLE "action_steps" ADD COLUMN "tried_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "action_steps_parked" ON "action_steps" USING btree ("order_no") WHERE status = 'parked';--> statement-breakpoint
CREATE INDEX "orders_expiring" ON "orders" USING btree ("expires_at") WHERE money = 'unpaid';--> statement-breakpoint
CREATE INDEX "orders_release_due" ON "orders" USING btree ("release_due_at") WHERE money = 'held';--> statement-breakpoint
CREATE INDEX "orders_chain_running" ON "orders" USING btree ("received_at") WHERE chain = 'running';--> statement-breakpoint
-- Orders that nothing drives any more (promise T6). Each part has an index that holds little but what it looks for,
-- so that the view costs the same however many orders have ended. Its relay restarts what it finds here, where a
-- workflow was ended by hand; what stays for minutes is for a person.
DROP VIEW stuck_orders;--> statement-breakpoint
CREATE VIEW stuck_orders AS
  SELECT o.order_no, o.status, w.why, w.since
    FROM (
      SELECT x.order_no, 'its workflow was not started' AS why, x.created_at AS since
        FROM outbox x WHERE x.done_at IS NULL AND x.created_at < now() - interval '2 minutes'
      UNION ALL
      SELECT u.order_no, 'unpaid past its expiry', u.expires_at
        FROM orders u WHERE u.money = 'unpaid' AND u.expires_at < now() - interval '10 minutes'
      UNION ALL
      SELECT p.order_no, 'a payment waits in the inbox', i.received_at
        FROM inbox i JOIN payments p ON p.out_trade_no = i.out_trade_no AND p.channel = i.channel
       WHERE i.state = 'pending' AND i.received_at < now() - interval '2 minutes'
      UNION ALL
      SELECT h.order_no, 'held past its release', h.release_due_at
        FROM orders h
       WHERE h.money = 'held' AND NOT h.refund_open AND h.release_due_at < now() - interval '5 minutes'
      UNION ALL
      -- A step that fails is tried again within seconds, for ever.
      SELECT c.order_no, 'its chain stands still', t.last_at
        FROM orders c
        CROSS JOIN LATERAL (
          SELECT GREATEST(c.received_at, max(s.tried_at), max(s.ended_at)) AS last_at
            FROM action_steps s WHERE s.order_no = c.order_no) t
       WHERE c.chain = 'running' AND c.received_at < now() - interval '10 minutes'
         AND c.money IN ('held', 'released') AND t.last_at < now() - interval '10 minutes'
      UNION ALL
      SELECT s.order_no, 'a parked step without an operator item', s.started_at
        FROM action_steps s
       WHERE s.status = 'parked'
         AND NOT EXISTS (SELECT 1 FROM operator_items t WHERE t.kind = 'parked_step'
                          AND t.ref = s.order_no || ':' || s.path AND t.status = 'open')
      UNION ALL
      -- Money on its way back is driven by a workflow of its own, also when its order is final.
      SELECT r.order_no, 'a refund was approved and its workflow was not started', r.decided_at
        FROM refunds r
       WHERE r.status = 'processing' AND r.order_no IS NOT NULL
         AND (r.start_attempts > 4 OR r.start_due_at < now() - interval '2 minutes')
    ) w
    JOIN orders o ON o.order_no = w.order_no;
