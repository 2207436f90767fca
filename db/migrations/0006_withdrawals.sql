CREATE TABLE "account_events" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"ref" text NOT NULL,
	"user_id" text NOT NULL,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "payout_accounts" (
	"user_id" text PRIMARY KEY NOT NULL,
	"channel" text NOT NULL,
	"no" text NOT NULL,
	"name" text NOT NULL,
	"updated_by" text NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "withdrawals" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"user_id" text NOT NULL,
	"amount" bigint NOT NULL,
	"channel" text NOT NULL,
	"account_no" text NOT NULL,
	"account_name" text NOT NULL,
	"status" text NOT NULL,
	"requested_by" text NOT NULL,
	"approvals_needed" smallint NOT NULL,
	"approved_by" text[] DEFAULT '{}' NOT NULL,
	"decided_by" text,
	"decision" text,
	"provider_payout_no" text,
	"package_info" text,
	"error" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"decided_at" timestamp (3) with time zone,
	"submitted_at" timestamp (3) with time zone,
	"accepted_at" timestamp (3) with time zone,
	"receiver_until" timestamp (3) with time zone,
	"asked_at" timestamp (3) with time zone,
	"paid_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"start_due_at" timestamp (3) with time zone,
	"start_attempts" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "withdrawals_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
ALTER TABLE "payout_accounts" ADD CONSTRAINT "payout_accounts_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "withdrawals" ADD CONSTRAINT "withdrawals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "account_events_ref" ON "account_events" USING btree ("ref","id");--> statement-breakpoint
CREATE INDEX "withdrawals_user" ON "withdrawals" USING btree ("user_id","seq");--> statement-breakpoint
CREATE INDEX "withdrawals_status" ON "withdrawals" USING btree ("status","seq");--> statement-breakpoint
CREATE INDEX "withdrawals_start_due" ON "withdrawals" USING btree ("start_due_at") WHERE start_due_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX "withdrawals_under_way" ON "withdrawals" USING btree ("asked_at") WHERE status IN ('approved', 'submitted', 'awaiting_receiver');--> statement-breakpoint
ALTER TABLE withdrawals ADD CONSTRAINT withdrawals_positive CHECK (amount > 0);
--> statement-breakpoint
-- Withdrawals that nothing drives (promise T6), by indexes that hold little but what it looks for. Its relay starts
-- them again; what stays for minutes is for a person.
CREATE VIEW stuck_withdrawals AS
  SELECT w.id, w.status, 'its workflow was not started' AS why, w.decided_at AS since
    FROM withdrawals w
   WHERE w.status IN ('approved', 'submitted', 'awaiting_receiver')
     AND (w.start_due_at IS NULL OR w.start_attempts > 4 OR w.start_due_at < now() - interval '2 minutes')
  UNION ALL
  -- Its workflow asks every ten minutes at least.
  SELECT w.id, w.status, 'nobody asks its provider', w.asked_at
    FROM withdrawals w
   WHERE w.status IN ('submitted', 'awaiting_receiver') AND w.asked_at < now() - interval '30 minutes'
  UNION ALL
  SELECT w.id, w.status, 'nobody asks whether it came back', w.start_due_at
    FROM withdrawals w
   WHERE w.start_due_at < now() - interval '2 minutes' AND w.status = 'paid';
