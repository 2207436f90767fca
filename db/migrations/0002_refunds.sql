CREATE TABLE "refunds" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"order_no" text,
	"channel" text NOT NULL,
	"out_trade_no" text NOT NULL,
	"captured" bigint NOT NULL,
	"amount" bigint NOT NULL,
	"fee" bigint DEFAULT 0 NOT NULL,
	"source" text,
	"reason" text NOT NULL,
	"status" text NOT NULL,
	"requested_by" text NOT NULL,
	"decided_by" text,
	"decision" text,
	"provider_refund_no" text,
	"error" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"decided_at" timestamp (3) with time zone,
	"settled_at" timestamp (3) with time zone,
	"start_due_at" timestamp (3) with time zone,
	"start_attempts" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "refunds_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
ALTER TABLE "refunds" ADD CONSTRAINT "refunds_order_no_orders_order_no_fk" FOREIGN KEY ("order_no") REFERENCES "public"."orders"("order_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "refunds_order" ON "refunds" USING btree ("order_no");--> statement-breakpoint
CREATE INDEX "refunds_status" ON "refunds" USING btree ("status","seq");--> statement-breakpoint
CREATE INDEX "refunds_start_due" ON "refunds" USING btree ("start_due_at") WHERE start_due_at IS NOT NULL;