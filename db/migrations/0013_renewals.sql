CREATE TABLE "membership_renewals" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"user_id" text NOT NULL,
	"level_id" text NOT NULL,
	"price_id" text NOT NULL,
	"amount" bigint NOT NULL,
	"days" integer NOT NULL,
	"order_id" text NOT NULL,
	"order_no" text NOT NULL,
	"step" text NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"renewals" integer DEFAULT 0 NOT NULL,
	"failed_tries" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	"ended_by" text,
	"end_reason" text,
	"start_due_at" timestamp (3) with time zone DEFAULT now(),
	"start_attempts" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "membership_renewals_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
ALTER TABLE "membership_renewals" ADD CONSTRAINT "membership_renewals_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "membership_renewals_one" ON "membership_renewals" USING btree ("user_id","level_id") WHERE status = 'active';--> statement-breakpoint
CREATE INDEX "membership_renewals_user" ON "membership_renewals" USING btree ("user_id","seq");--> statement-breakpoint
CREATE INDEX "membership_renewals_due" ON "membership_renewals" USING btree ("due_at") WHERE status = 'active';--> statement-breakpoint
CREATE INDEX "membership_renewals_start_due" ON "membership_renewals" USING btree ("start_due_at") WHERE start_due_at IS NOT NULL;
--> statement-breakpoint
-- The renewal as it stands, and what the event says beside it.
CREATE FUNCTION membership_event_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF webhook_is_wanted(NEW.type) THEN
    PERFORM webhook_send(NEW.type, NULL, NEW.created_at, (
      SELECT jsonb_build_object(
        'id', r.id,
        'userId', r.user_id,
        'levelId', r.level_id,
        'priceId', r.price_id,
        'amount', r.amount,
        'currency', 'CNY',
        'days', r.days,
        'status', r.status,
        'renewals', r.renewals,
        'validTo', NEW.data -> 'validTo',
        'nextTryAt', NEW.data -> 'nextTryAt',
        'error', NEW.data -> 'error',
        'createdAt', webhook_moment(r.created_at),
        'endedAt', webhook_moment(r.ended_at),
        'endReason', r.end_reason)
        FROM membership_renewals r WHERE r.id = NEW.ref));
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER account_events_membership_webhooks AFTER INSERT ON account_events FOR EACH ROW
  WHEN (NEW.type LIKE 'membership.%')
  EXECUTE FUNCTION membership_event_webhooks();
