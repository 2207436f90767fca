ALTER TABLE "sms_outbox" ADD COLUMN "param_names" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "sms_outbox" ADD COLUMN "attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sms_outbox" ADD COLUMN "tried_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "sms_outbox" ADD COLUMN "error" jsonb;