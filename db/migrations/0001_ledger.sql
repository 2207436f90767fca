-- The ledger's only way in. The application's role may call ledger_post and may read; it has no right to write
-- postings, entries, balances or an order's money itself (promise M2). db/grants.ts gives those rights.

ALTER TABLE balances ADD CONSTRAINT balances_never_negative CHECK (balance >= 0);
--> statement-breakpoint
ALTER TABLE entries ADD CONSTRAINT entries_not_zero CHECK (amount <> 0);
--> statement-breakpoint
ALTER TABLE orders ADD CONSTRAINT orders_refunded_within_captured CHECK (refunded >= 0 AND refunded <= captured);
--> statement-breakpoint
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'HF004';
END $$;
--> statement-breakpoint
CREATE TRIGGER entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
--> statement-breakpoint
-- Accounts that every order touches (a channel's clearing, fees, sales, suspense) have no balance row: a row that
-- everybody updates would make all orders wait for each other.
CREATE FUNCTION ledger_has_balance(p_account text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT left(p_account, 5) IN ('user:', 'hold:') OR left(p_account, 10) = 'refunding:'
$$;
--> statement-breakpoint
-- Moves one balance row. A debt is owed to us, so its row grows with debits; every other row grows with credits.
CREATE FUNCTION ledger_move(p_account text, p_amount bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_change bigint := CASE WHEN right(p_account, 5) = ':debt' THEN -p_amount ELSE p_amount END;
BEGIN
  IF NOT ledger_has_balance(p_account) THEN RETURN; END IF;
  IF v_change >= 0 THEN
    INSERT INTO balances AS b (account, balance) VALUES (p_account, v_change)
      ON CONFLICT (account) DO UPDATE SET balance = b.balance + EXCLUDED.balance;
  ELSE
    UPDATE balances SET balance = balance + v_change WHERE account = p_account AND balance + v_change >= 0;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'insufficient funds' USING ERRCODE = 'HF003', DETAIL = p_account;
    END IF;
  END IF;
END $$;
--> statement-breakpoint
-- Two legs depend on balances at the moment of posting and are written out here, under the first row's lock:
--   user:<id>:spendable (debit)  takes cash first, then withdrawable
--   user:<id>:earnings  (credit) settles the seller's debt first, the rest is withdrawable
-- Answers the part of the first account; the rest belongs to withdrawable.
CREATE FUNCTION ledger_first_part(p_first_account text, p_amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_first bigint;
BEGIN
  SELECT balance INTO v_first FROM balances WHERE account = p_first_account FOR UPDATE;
  RETURN sign(p_amount)::bigint * LEAST(COALESCE(v_first, 0), abs(p_amount));
END $$;
--> statement-breakpoint
-- Applies the legs of one posting in one order of locks (holds, then people by name) and writes its entries.
CREATE FUNCTION ledger_enter(p_posting bigint, p_accounts text[], p_amounts bigint[], p_currency text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_leg record;
  v_base text;
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
    IF right(v_leg.account, 10) = ':spendable' OR right(v_leg.account, 9) = ':earnings' THEN
      v_base := regexp_replace(v_leg.account, '[^:]+$', '');
      v_first_account := v_base || CASE WHEN right(v_leg.account, 10) = ':spendable' THEN 'cash' ELSE 'debt' END;
      v_first := ledger_first_part(v_first_account, v_leg.amount);
      IF v_first <> 0 THEN
        v_accounts := v_accounts || v_first_account;
        v_amounts := v_amounts || v_first;
      END IF;
      IF v_first <> v_leg.amount THEN
        v_accounts := v_accounts || (v_base || 'withdrawable');
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
-- One posting: its key, its legs, the order's new state, the inbox row and the outgoing event, in one statement.
-- p_order: {"from": ["unpaid"], "to": "held", "set": {...}} or null. p_event: {"type", "actor", "reason", "data"} or null.
-- Answers {"postingId", "duplicate"}. The same key with the same fingerprint moves nothing and answers the first one.
CREATE FUNCTION ledger_post(
  p_key text, p_kind text, p_fingerprint text, p_order_no text,
  p_accounts text[], p_amounts bigint[], p_currency text,
  p_order jsonb, p_inbox_id bigint, p_event jsonb
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

  PERFORM ledger_enter(v_posting.id, p_accounts, p_amounts, p_currency);

  -- What happened comes before the status that follows from it.
  IF p_event IS NOT NULL THEN
    INSERT INTO order_events (order_no, type, actor, reason, data)
      VALUES (p_order_no, p_event ->> 'type', p_event ->> 'actor', p_event ->> 'reason', COALESCE(p_event -> 'data', '{}'));
  END IF;
  IF p_order IS NOT NULL THEN
    UPDATE orders SET
      money = p_order ->> 'to',
      captured = COALESCE((v_set ->> 'captured')::bigint, captured),
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
-- Every change of an order's status is an event, written in the transaction that changes it, whatever the cause.
CREATE FUNCTION order_status_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO order_events (order_no, type, actor, data)
    VALUES (
      NEW.order_no,
      -- Back from an interruption is no second payment and no second completion.
      CASE
        WHEN NEW.status = 'paid' AND OLD.status <> 'unpaid' THEN 'order.resumed'
        WHEN NEW.status = 'completed' AND OLD.status = 'refund_requested' THEN 'order.resumed'
        ELSE 'order.' || NEW.status
      END,
      'system',
      jsonb_build_object('from', OLD.status, 'to', NEW.status)
    );
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER orders_status_event AFTER UPDATE ON orders FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION order_status_event();
