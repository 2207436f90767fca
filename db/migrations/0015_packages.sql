CREATE TABLE "package_records" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "package_records_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 10000001 CACHE 1),
	"order_no" text NOT NULL,
	"user_id" text NOT NULL,
	"package_id" text NOT NULL,
	"type" smallint NOT NULL,
	"turn" text NOT NULL,
	"name" text NOT NULL,
	"days" integer NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "package_records_once" UNIQUE("order_no","package_id")
);
--> statement-breakpoint
ALTER TABLE "package_records" ADD CONSTRAINT "package_records_order_no_orders_order_no_fk" FOREIGN KEY ("order_no") REFERENCES "public"."orders"("order_no") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "package_records" ADD CONSTRAINT "package_records_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "package_records_user" ON "package_records" USING btree ("user_id","id");