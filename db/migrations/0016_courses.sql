CREATE TABLE "course_callbacks" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"order_no" text NOT NULL,
	"channel" text NOT NULL,
	"paid" boolean NOT NULL,
	"result" text NOT NULL,
	"third_trade_no" text NOT NULL,
	"third_buyer_id" text NOT NULL,
	"amount" text NOT NULL,
	"asked" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "course_callbacks_once" UNIQUE("order_no","channel","paid","third_trade_no","amount")
);
--> statement-breakpoint
CREATE TABLE "course_totals" (
	"seller_id" text NOT NULL,
	"course_id" text NOT NULL,
	"total" bigint NOT NULL,
	"counted_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "course_totals_seller_id_course_id_pk" PRIMARY KEY("seller_id","course_id")
);
--> statement-breakpoint
ALTER TABLE "payments" DROP CONSTRAINT "payments_out_trade_no_unique";--> statement-breakpoint
ALTER TABLE "course_callbacks" ADD CONSTRAINT "course_callbacks_order_no_orders_order_no_fk" FOREIGN KEY ("order_no") REFERENCES "public"."orders"("order_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "course_callbacks_order" ON "course_callbacks" USING btree ("order_no","id");--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_number" UNIQUE("out_trade_no","channel");