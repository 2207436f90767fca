-- Refunds: a third leg that depends on balances, and what a refund changes in its order.
--   user:<id>:repayment (debit) takes withdrawable first; what is missing becomes the seller's debt
CREATE OR REPLACE FUNCTION ledger_enter(p_posting bigint, p_accounts text[], p_amounts bigint[], p_currency text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_leg record;
  v_base text;
  v_first_bucket text;
  v_first_account text;
  v_first bigint;
  v_accounts text[] := '{}';
  v_amounts bigint[] := '{}';
  v_done int := 0;
BEGIN
  FOR v_leg IN
    SELECT account, amount FROM unnest(p_accounts, p_amounts) AS leg (account, amount)
     ORDER BY left(account, 5) <> 'hold:', account COLLATE "C"
  LOOP
    v_first_bucket := CASE split_part(v_leg.account, ':', 3)
      WHEN 'spendable' THEN 'cash' WHEN 'earnings' THEN 'debt' WHEN 'repayment' THEN 'withdrawable' END;
    IF v_first_bucket IS NOT NULL THEN
      v_base := regexp_replace(v_leg.account, '[^:]+$', '');
      v_first_account := v_base || v_first_bucket;
      IF v_first_bucket = 'withdrawable' THEN
        -- A release locks the seller's debt before the seller's withdrawable; the other way round is a deadlock.
        PERFORM 1 FROM balances WHERE account = v_base || 'debt' FOR UPDATE;
      END IF;
      v_first := ledger_first_part(v_first_account, v_leg.amount);
      IF v_first <> 0 THEN
        v_accounts := v_accounts || v_first_account;
        v_amounts := v_amounts || v_first;
      END IF;
      IF v_first <> v_leg.amount THEN
        v_accounts := v_accounts ||
          (v_base || CASE v_first_bucket WHEN 'withdrawable' THEN 'debt' ELSE 'withdrawable' END);
        v_amounts := v_amounts || (v_leg.amount - v_first);
      END IF;
    ELSE
      v_accounts := v_accounts || v_leg.account;
      v_amounts := v_amounts || v_leg.amount;
    END IF;
    -- Moved leg by leg: to lock one account early and another late would break the one order of locks.
    FOR v_index IN v_done + 1 .. cardinality(v_accounts) LOOP
      PERFORM ledger_move(v_accounts[v_index], v_amounts[v_index]);
    END LOOP;
    v_done := cardinality(v_accounts);
  END LOOP;

  IF (SELECT COALESCE(sum(amount), 0) FROM unnest(v_amounts) AS amount) <> 0 THEN
    RAISE EXCEPTION 'the legs of a posting do not sum to 0' USING ERRCODE = 'HF005';
  END IF;
  INSERT INTO entries (posting_id, account, amount, currency)
    SELECT p_posting, account, amount, p_currency FROM unnest(v_accounts, v_amounts) AS leg (account, amount);
END $$;
--> statement-breakpoint
-- Takes back what a posting to suspense put there, unless it has gone another way: the same trade is booked with its
-- true amount now, in the same transaction (promise M4).
CREATE FUNCTION ledger_supersede(p_key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_first bigint;
  v_out bigint;
BEGIN
  SELECT id INTO v_first FROM postings WHERE key = p_key;
  IF NOT FOUND THEN RETURN; END IF;
  INSERT INTO postings (key, kind, fingerprint) VALUES (p_key || ':out', 'suspense_superseded', 'superseded')
    ON CONFLICT (key) DO NOTHING RETURNING id INTO v_out;
  IF v_out IS NULL THEN RETURN; END IF;
  INSERT INTO entries (posting_id, account, amount, currency)
    SELECT v_out, account, -amount, currency FROM entries WHERE posting_id = v_first;
  UPDATE operator_items SET status = 'resolved', resolution = 'superseded', resolved_by = 'system',
         reason = 'the same payment came with its true amount', resolved_at = now()
   WHERE kind = 'suspense' AND status = 'open' AND starts_with(ref, substr(p_key, length('suspense/') + 1) || '/');
END $$;
--> statement-breakpoint
-- As before, and: "refundOpen" in p_order must be what the order's row says; "set" may hold "refundOpen" and
-- "refundedMore"; p_supersedes is the key of a posting to suspense that this one takes back.
DROP FUNCTION ledger_post(text, text, text, text, text[], bigint[], text, jsonb, bigint, jsonb);
--> statement-breakpoint
CREATE FUNCTION ledger_post(
  p_key text, p_kind text, p_fingerprint text, p_order_no text,
  p_accounts text[], p_amounts bigint[], p_currency text,
  p_order jsonb, p_inbox_id bigint, p_event jsonb,
  -- A process of the version before does not name it.
  p_supersedes text DEFAULT NULL
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  v_order orders%ROWTYPE;
  v_posting postings%ROWTYPE;
  v_set jsonb := COALESCE(p_order -> 'set', '{}');
BEGIN
  IF p_order_no IS NOT NULL THEN
    -- The order's row comes first in every money transaction: closing and paying cannot both win.
    SELECT * INTO v_order FROM orders WHERE order_no = p_order_no FOR NO KEY UPDATE;
    IF NOT FOUND THEN RAISE EXCEPTION 'no such order' USING ERRCODE = 'HF006', DETAIL = p_order_no; END IF;
  END IF;

  INSERT INTO postings (key, kind, fingerprint, order_no) VALUES (p_key, p_kind, p_fingerprint, p_order_no)
    ON CONFLICT (key) DO NOTHING RETURNING * INTO v_posting;
  IF NOT FOUND THEN
    SELECT * INTO v_posting FROM postings WHERE key = p_key;
    IF v_posting.fingerprint <> p_fingerprint THEN
      RAISE EXCEPTION 'this key has another posting' USING ERRCODE = 'HF001', DETAIL = p_key;
    END IF;
    UPDATE inbox SET state = 'applied', applied_at = now() WHERE id = p_inbox_id AND state <> 'applied';
    RETURN jsonb_build_object('postingId', v_posting.id, 'duplicate', true);
  END IF;

  IF p_order IS NOT NULL AND NOT (p_order -> 'from') ? v_order.money THEN
    RAISE EXCEPTION 'the order is %', v_order.money USING ERRCODE = 'HF002', DETAIL = v_order.money;
  END IF;

  IF p_order ? 'refundOpen' AND (p_order ->> 'refundOpen')::boolean <> v_order.refund_open THEN
    RAISE EXCEPTION 'a refund is %', CASE WHEN v_order.refund_open THEN 'open' ELSE 'not open' END
      USING ERRCODE = 'HF002', DETAIL = CASE WHEN v_order.refund_open THEN 'refund_open' ELSE 'no_refund_open' END;
  END IF;

  PERFORM ledger_enter(v_posting.id, p_accounts, p_amounts, p_currency);
  IF p_supersedes IS NOT NULL THEN PERFORM ledger_supersede(p_supersedes); END IF;

  -- What happened comes before the status that follows from it.
  IF p_event IS NOT NULL THEN
    INSERT INTO order_events (order_no, type, actor, reason, data)
      VALUES (p_order_no, p_event ->> 'type', p_event ->> 'actor', p_event ->> 'reason', COALESCE(p_event -> 'data', '{}'));
  END IF;
  IF p_order IS NOT NULL THEN
    UPDATE orders SET
      money = p_order ->> 'to',
      captured = COALESCE((v_set ->> 'captured')::bigint, captured),
      refunded = refunded + COALESCE((v_set ->> 'refundedMore')::bigint, 0),
      refund_open = COALESCE((v_set ->> 'refundOpen')::boolean, refund_open),
      paid_at = COALESCE((v_set ->> 'paidAt')::timestamptz, paid_at),
      received_at = COALESCE((v_set ->> 'receivedAt')::timestamptz, received_at),
      paid_channel = COALESCE(v_set ->> 'paidChannel', paid_channel),
      payment_id = COALESCE(v_set ->> 'paymentId', payment_id),
      chat_closes_at = COALESCE((v_set ->> 'chatClosesAt')::timestamptz, chat_closes_at),
      release_due_at = COALESCE((v_set ->> 'releaseDueAt')::timestamptz, release_due_at),
      released_at = COALESCE((v_set ->> 'releasedAt')::timestamptz, released_at),
      released_by = COALESCE(v_set ->> 'releasedBy', released_by),
      closed_at = COALESCE((v_set ->> 'closedAt')::timestamptz, closed_at),
      closed_reason = COALESCE(v_set ->> 'closedReason', closed_reason)
    WHERE order_no = p_order_no;
  END IF;

  IF v_set ? 'paymentId' THEN
    UPDATE payments SET status = 'paid', ask_at = NULL, paid_at = (v_set ->> 'paidAt')::timestamptz,
      provider_trade_no = v_set ->> 'providerTradeNo'
      WHERE id = v_set ->> 'paymentId';
  END IF;
  IF p_inbox_id IS NOT NULL THEN
    UPDATE inbox SET state = 'applied', applied_at = now() WHERE id = p_inbox_id;
  END IF;
  RETURN jsonb_build_object('postingId', v_posting.id, 'duplicate', false);
END $$;
--> statement-breakpoint
-- As before, and: an end of a refund that moved nothing is no second completion either.
CREATE OR REPLACE FUNCTION order_status_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO order_events (order_no, type, actor, data)
    VALUES (
      NEW.order_no,
      CASE
        WHEN NEW.status = 'paid' AND OLD.status <> 'unpaid' THEN 'order.resumed'
        WHEN OLD.status = 'refund_requested' AND NEW.refunded = OLD.refunded THEN 'order.resumed'
        ELSE 'order.' || NEW.status
      END,
      'system',
      jsonb_build_object('from', OLD.status, 'to', NEW.status)
    );
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Orders that are not final and that nothing drives: no timer, no retry, no operator item (promise T6). Empty is well.
CREATE VIEW stuck_orders AS
  SELECT o.order_no, o.status, w.why, w.since
    FROM orders o
    CROSS JOIN LATERAL (
      SELECT 'its workflow was not started' AS why, x.created_at AS since
        FROM outbox x WHERE x.order_no = o.order_no AND x.done_at IS NULL AND x.created_at < now() - interval '2 minutes'
      UNION ALL
      SELECT 'unpaid past its expiry', o.expires_at
       WHERE o.money = 'unpaid' AND o.expires_at < now() - interval '10 minutes'
      UNION ALL
      SELECT 'a payment waits in the inbox', i.received_at
        FROM payments p JOIN inbox i ON i.out_trade_no = p.out_trade_no AND i.channel = p.channel
       WHERE p.order_no = o.order_no AND i.state = 'pending' AND i.received_at < now() - interval '2 minutes'
      UNION ALL
      SELECT 'held past its release', o.release_due_at
       WHERE o.money = 'held' AND NOT o.refund_open AND o.release_due_at < now() - interval '5 minutes'
      UNION ALL
      SELECT 'a parked step without an operator item', s.started_at
        FROM action_steps s
       WHERE s.order_no = o.order_no AND s.status = 'parked'
         AND NOT EXISTS (SELECT 1 FROM operator_items t WHERE t.kind = 'parked_step'
                          AND t.ref = s.order_no || ':' || s.path AND t.status = 'open')
      UNION ALL
      -- Money on its way back is driven by a workflow of its own, also when its order is final.
      SELECT 'a refund was approved and its workflow was not started', r.decided_at
        FROM refunds r
       WHERE r.order_no = o.order_no AND r.status = 'processing'
         AND (r.start_attempts > 4 OR r.start_due_at < now() - interval '2 minutes')
    ) w
   WHERE w.why LIKE 'a refund%'
      OR (o.status NOT IN ('closed', 'refunded')
          AND NOT (o.status = 'completed' AND NOT o.refund_open AND w.why LIKE 'held%'));
