CREATE TABLE "coupon_uses" (
	"coupon_id" bigint PRIMARY KEY NOT NULL,
	"order_no" text NOT NULL,
	"step" text NOT NULL,
	"collection" text NOT NULL,
	"thing_id" text NOT NULL,
	"amount_off" bigint NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deposits" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"user_id" text NOT NULL,
	"order_id" text NOT NULL,
	"order_no" text NOT NULL,
	"step" text NOT NULL,
	"amount" bigint NOT NULL,
	"ref_code" text,
	"remark" text,
	"ext" jsonb,
	"status" text DEFAULT 'held' NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"returned_at" timestamp (3) with time zone,
	"returned_by" text,
	CONSTRAINT "deposits_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
CREATE TABLE "entitlements" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"user_id" text NOT NULL,
	"kind" text NOT NULL,
	"ref" text NOT NULL,
	"quantity" integer DEFAULT 1 NOT NULL,
	"valid_from" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"valid_to" timestamp (3) with time zone,
	"order_id" text NOT NULL,
	"step" text NOT NULL,
	"terms" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "action_endpoints" (
	"type" smallint PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"timeout_ms" integer NOT NULL,
	"updated_by" text NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "bulk_retries" (
	"id" text PRIMARY KEY NOT NULL,
	"filter" jsonb NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "bulk_retry_steps" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"bulk_id" text NOT NULL,
	"order_no" text NOT NULL,
	"path" text NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
ALTER TABLE "orders" ALTER COLUMN "auto_confirm_after_ms" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "catalog_items" ADD COLUMN "held_by_order_no" text;--> statement-breakpoint
ALTER TABLE "coupon_uses" ADD CONSTRAINT "coupon_uses_coupon_id_entitlements_id_fk" FOREIGN KEY ("coupon_id") REFERENCES "public"."entitlements"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "deposits" ADD CONSTRAINT "deposits_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "entitlements" ADD CONSTRAINT "entitlements_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_retry_steps" ADD CONSTRAINT "bulk_retry_steps_bulk_id_bulk_retries_id_fk" FOREIGN KEY ("bulk_id") REFERENCES "public"."bulk_retries"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "coupon_uses_thing" ON "coupon_uses" USING btree ("collection","thing_id");--> statement-breakpoint
CREATE UNIQUE INDEX "deposits_step" ON "deposits" USING btree ("order_no","step");--> statement-breakpoint
CREATE INDEX "deposits_user" ON "deposits" USING btree ("user_id","seq");--> statement-breakpoint
CREATE UNIQUE INDEX "entitlements_one" ON "entitlements" USING btree ("user_id","kind","ref") WHERE kind <> 'coupon';--> statement-breakpoint
CREATE INDEX "entitlements_user" ON "entitlements" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "entitlements_coupons" ON "entitlements" USING btree ("ref") WHERE kind = 'coupon';--> statement-breakpoint
CREATE INDEX "bulk_retry_steps_bulk" ON "bulk_retry_steps" USING btree ("bulk_id","state");--> statement-breakpoint
CREATE INDEX "bulk_retry_steps_due" ON "bulk_retry_steps" USING btree ("due_at") WHERE state = 'waiting';
--> statement-breakpoint
-- Numbers of things that actions make, above those that merchants give; a number that is taken is passed over.
CREATE SEQUENCE catalog_numbers START 1000000;
--> statement-breakpoint
-- Who earns an order is fixed when it is made, but for an errand: its runner is named later, while the money is held.
CREATE FUNCTION name_seller(p_order_no text, p_seller_id text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE orders SET seller_id = p_seller_id
   WHERE order_no = p_order_no AND money = 'held' AND auto_confirm_after_ms IS NULL;
  RETURN FOUND;
END $$;
