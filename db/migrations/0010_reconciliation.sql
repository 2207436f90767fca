CREATE TABLE "bill_rows" (
	"reconciliation_id" text NOT NULL,
	"line" integer NOT NULL,
	"kind" text NOT NULL,
	"no" text NOT NULL,
	"provider_no" text NOT NULL,
	"amount" bigint NOT NULL,
	"fee" bigint NOT NULL,
	"status" text NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "bill_rows_reconciliation_id_line_pk" PRIMARY KEY("reconciliation_id","line")
);
--> statement-breakpoint
CREATE TABLE "reconciliation_differences" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"channel" text NOT NULL,
	"date" text NOT NULL,
	"type" text NOT NULL,
	"kind" text NOT NULL,
	"no" text NOT NULL,
	"provider_no" text NOT NULL,
	"ref" text GENERATED ALWAYS AS (channel || '/' || date || '/' || type || '/' || kind || '/' || no || '/' || provider_no) STORED NOT NULL,
	"ours" jsonb,
	"theirs" jsonb,
	"order_no" text,
	"awaits" text,
	"status" text NOT NULL,
	"resolution" text,
	"run" integer NOT NULL,
	"asked_run" integer,
	"inbox_id" bigint,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"resolved_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "reconciliations" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"channel" text NOT NULL,
	"date" text NOT NULL,
	"status" text NOT NULL,
	"run" integer DEFAULT 1 NOT NULL,
	"fence" integer DEFAULT 0 NOT NULL,
	"bill_rows" integer DEFAULT 0 NOT NULL,
	"bill_digest" text,
	"matched" integer DEFAULT 0 NOT NULL,
	"fees" bigint,
	"requested_by" text NOT NULL,
	"error" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"compared_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "reconciliations_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "reconciliation_differences_once" ON "reconciliation_differences" USING btree ("channel","date","type","kind","no","provider_no");--> statement-breakpoint
CREATE INDEX "reconciliation_differences_open" ON "reconciliation_differences" USING btree ("type","created_at") WHERE status = 'open';--> statement-breakpoint
CREATE INDEX "reconciliation_differences_late" ON "reconciliation_differences" USING btree ("channel") WHERE type = 'late';--> statement-breakpoint
CREATE INDEX "reconciliations_day" ON "reconciliations" USING btree ("channel","date");--> statement-breakpoint
CREATE INDEX "payments_paid" ON "payments" USING btree ("paid_at","channel") WHERE status = 'paid';--> statement-breakpoint
CREATE INDEX "refunds_settled" ON "refunds" USING btree ("settled_at","channel") WHERE status = 'succeeded';--> statement-breakpoint
CREATE INDEX "withdrawals_paid" ON "withdrawals" USING btree ("paid_at","channel") WHERE paid_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "inbox_set_aside" ON "inbox" USING btree ("channel","provider_trade_no") WHERE state IN ('returned', 'review');
--> statement-breakpoint
-- What our books have of each provider, by the numbers that its bills know: one row a trade, refund or payout. What is
-- booked has moved money, at that time; the rest is known by its number alone. Each branch has an index for both ways
-- in, by number and by day; none may be sorted or made distinct as a whole, or those ways in are closed. Money that
-- fitted no order was captured too: it is here with what stands in suspense of it, or went back from there.
CREATE VIEW provider_books AS
  SELECT p.channel, 'payment'::text AS kind, p.out_trade_no AS no, COALESCE(p.provider_trade_no, '') AS provider_no,
         p.amount, 'succeeded'::text AS status, true AS booked, p.paid_at AS at, p.order_no
    FROM payments p WHERE p.status = 'paid' AND p.channel <> 'wallet'
  UNION ALL
  SELECT i.channel, 'payment', i.out_trade_no, i.provider_trade_no, m.amount, 'succeeded', true, i.paid_at, NULL
    FROM inbox i
    CROSS JOIN LATERAL (
      SELECT e.amount
        FROM postings p JOIN entries e ON e.posting_id = p.id AND e.account = 'platform:suspense'
       WHERE p.key IN ('suspense/' || i.channel || '/' || i.provider_trade_no,
                       'suspense/' || i.channel || '/' || i.provider_trade_no || ':corrected')
         AND NOT EXISTS (
           SELECT 1 FROM postings o WHERE o.key = p.key || ':out' AND o.kind = 'suspense_superseded')
       ORDER BY p.id DESC LIMIT 1) m
   WHERE i.state IN ('returned', 'review') AND i.channel <> 'wallet' AND i.kind = 'paid'
     -- One trade may have been told several times: what went back counts, else the first telling.
     AND NOT EXISTS (
       SELECT 1 FROM inbox j
        WHERE j.channel = i.channel AND j.provider_trade_no = i.provider_trade_no AND j.kind = 'paid'
          AND j.state IN ('returned', 'review')
          -- `returned` comes first in the alphabet too.
          AND (j.state COLLATE "C", j.id) < (i.state COLLATE "C", i.id))
  UNION ALL
  SELECT r.channel, 'refund', r.id, COALESCE(r.provider_refund_no, ''), r.amount, 'succeeded', true, r.settled_at,
         r.order_no
    FROM refunds r WHERE r.status = 'succeeded' AND r.channel <> 'wallet'
  UNION ALL
  SELECT r.channel, 'refund', r.id, COALESCE(r.provider_refund_no, ''), r.amount,
         CASE WHEN r.status IN ('failed', 'rejected') THEN 'failed' ELSE 'processing' END, false, r.created_at,
         r.order_no
    FROM refunds r WHERE r.status <> 'succeeded' AND r.channel <> 'wallet'
  UNION ALL
  SELECT w.channel, 'payout', w.id, COALESCE(w.provider_payout_no, ''), w.amount,
         CASE WHEN w.status = 'bounced' THEN 'bounced' ELSE 'succeeded' END, true, w.paid_at, NULL
    FROM withdrawals w WHERE w.paid_at IS NOT NULL
  UNION ALL
  SELECT w.channel, 'payout', w.id, COALESCE(w.provider_payout_no, ''), w.amount,
         CASE WHEN w.status IN ('failed', 'rejected') THEN 'failed' ELSE 'processing' END, false, w.created_at, NULL
    FROM withdrawals w WHERE w.paid_at IS NULL;
