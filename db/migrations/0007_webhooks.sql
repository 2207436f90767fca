CREATE TABLE "webhook_deliveries" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"endpoint_id" text NOT NULL,
	"message_id" text NOT NULL,
	"type" text NOT NULL,
	"order_no" text,
	"payload" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"due_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"leased_until" timestamp (3) with time zone,
	"first_tried_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigserial NOT NULL,
	"url" text NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"event_types" text[],
	"status" text DEFAULT 'enabled' NOT NULL,
	"disabled_reason" text,
	"secret" text NOT NULL,
	"previous_secret" text,
	"previous_until" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"created_by" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_endpoints_seq_unique" UNIQUE("seq")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_message" ON "webhook_deliveries" USING btree ("endpoint_id","message_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_due" ON "webhook_deliveries" USING btree ("endpoint_id","due_at") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_failed" ON "webhook_deliveries" USING btree ("endpoint_id","seq") WHERE status = 'failed';--> statement-breakpoint
CREATE INDEX "webhook_deliveries_endpoint" ON "webhook_deliveries" USING btree ("endpoint_id","seq");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_ended" ON "webhook_deliveries" USING btree ("ended_at") WHERE status = 'succeeded';--> statement-breakpoint
-- Outgoing events (promise W7). A row for each endpoint that wants the event is written by triggers, in the transaction
-- of the event itself: no reader can overlook one that commits late, and whoever adds an event cannot forget it. With
-- no endpoint it costs a look at an empty table.
CREATE FUNCTION webhook_moment(p_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
--> statement-breakpoint
-- The order as GET /v1/orders/{id} shows it at this moment; a test compares the two. Left out is nextAction, which may
-- hold a phone number or a coupon's password: those are the buyer's.
CREATE FUNCTION webhook_order(o orders) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object(
    'id', o.id,
    'orderNo', o.order_no,
    'kind', o.kind,
    'status', o.status,
    'amount', o.amount,
    'refundedAmount', o.refunded,
    'currency', o.currency,
    'subject', o.subject,
    'buyerId', o.buyer_id,
    'sellerId', o.seller_id,
    'items', o.items,
    'chatId', o.chat_id,
    'skillId', o.skill_id,
    'chatOpen', o.chat_closes_at IS NOT NULL AND o.chat_closed_at IS NULL AND now() < o.chat_closes_at,
    'metadata', o.metadata,
    'workflowId', 'order/' || o.order_no,
    'channel', o.paid_channel,
    'createdAt', webhook_moment(o.created_at),
    'expiresAt', webhook_moment(o.expires_at),
    'paidAt', webhook_moment(o.paid_at),
    'chatClosesAt', webhook_moment(o.chat_closes_at),
    'releaseDueAt', webhook_moment(o.release_due_at),
    'releasedAt', webhook_moment(o.released_at),
    'releasedBy', o.released_by,
    'closedAt', webhook_moment(o.closed_at),
    'closedReason', o.closed_reason)
$$;
--> statement-breakpoint
CREATE FUNCTION webhook_is_wanted(p_type text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT 1 FROM webhook_endpoints
                  WHERE status = 'enabled' AND (event_types IS NULL OR p_type = ANY (event_types)))
$$;
--> statement-breakpoint
-- One message, under one id, for every endpoint that wants it; or for one endpoint alone, whatever it wants.
CREATE FUNCTION webhook_send(p_type text, p_order_no text, p_at timestamptz, p_data jsonb, p_endpoint_id text DEFAULT NULL)
RETURNS SETOF webhook_deliveries LANGUAGE plpgsql AS $$
DECLARE
  v_message text := 'msg_' || replace(gen_random_uuid()::text, '-', '');
  v_body text := json_build_object('type', p_type, 'timestamp', webhook_moment(p_at), 'data', p_data)::text;
BEGIN
  RETURN QUERY
    INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_no, payload)
      SELECT left(replace(gen_random_uuid()::text, '-', ''), 24), e.id, v_message, p_type, p_order_no, v_body
        FROM webhook_endpoints e
       WHERE e.status = 'enabled'
         AND CASE WHEN p_endpoint_id IS NULL THEN e.event_types IS NULL OR p_type = ANY (e.event_types)
                  ELSE e.id = p_endpoint_id END
    RETURNING *;
END $$;
--> statement-breakpoint
-- What is sold without being held (a package, a top-up, something free) is completed by its payment: it was paid too.
CREATE FUNCTION order_event_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_types text[] := CASE WHEN NEW.type = 'order.completed' AND NEW.data ->> 'from' = 'unpaid'
                         THEN ARRAY['order.paid', NEW.type] ELSE ARRAY[NEW.type] END;
  v_type text;
  v_data jsonb;
BEGIN
  FOREACH v_type IN ARRAY v_types LOOP
    CONTINUE WHEN NOT webhook_is_wanted(v_type);
    IF v_data IS NULL THEN
      SELECT webhook_order(o) INTO v_data FROM orders o WHERE o.order_no = NEW.order_no;
    END IF;
    IF v_type = 'action.parked' THEN
      v_data := v_data || jsonb_build_object('action', (
        SELECT jsonb_build_object('path', s.path, 'type', s.type, 'name', s.name, 'error', s.error)
          FROM action_steps s WHERE s.order_no = NEW.order_no AND s.path = NEW.data ->> 'path'));
    END IF;
    PERFORM webhook_send(v_type, NEW.order_no, NEW.created_at, v_data);
  END LOOP;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER order_events_webhooks AFTER INSERT ON order_events FOR EACH ROW
  WHEN (NEW.type IN ('order.paid', 'order.completed', 'order.closed', 'order.refund_requested', 'order.refunded',
                     'order.partially_refunded', 'action.parked'))
  EXECUTE FUNCTION order_event_webhooks();
--> statement-breakpoint
-- The withdrawal as it stands, without the account that it goes to, which is its owner's (promise S4).
CREATE FUNCTION account_event_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF webhook_is_wanted(NEW.type) THEN
    PERFORM webhook_send(NEW.type, NULL, NEW.created_at, (
      SELECT jsonb_build_object(
        'id', w.id,
        'userId', w.user_id,
        'amount', w.amount,
        'currency', 'CNY',
        'channel', w.channel,
        -- Of this event: its row may be written before the withdrawal's own.
        'status', COALESCE(NEW.data ->> 'status', w.status),
        'error', w.error,
        'createdAt', webhook_moment(w.created_at),
        'paidAt', webhook_moment(w.paid_at),
        'endedAt', webhook_moment(w.ended_at))
        FROM withdrawals w WHERE w.id = NEW.ref));
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER account_events_webhooks AFTER INSERT ON account_events FOR EACH ROW
  WHEN (NEW.type LIKE 'withdrawal.%')
  EXECUTE FUNCTION account_event_webhooks();
