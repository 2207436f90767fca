-- A release takes all that is left of its hold. What has gone back, or come back, since its amount was computed is
-- another amount left: too much is refused as `insufficient funds`, and too little is refused here, since what would
-- stay in the hold of a released order is nobody's for ever.
CREATE FUNCTION refuse_release_of_a_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM balances WHERE account = 'hold:' || NEW.order_no AND balance > 0) THEN
    RAISE EXCEPTION 'money of the order would stay held' USING ERRCODE = 'HF002', DETAIL = 'hold_not_empty';
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER orders_release_whole AFTER UPDATE OF money ON orders FOR EACH ROW
  WHEN (OLD.money = 'held' AND NEW.money = 'released') EXECUTE FUNCTION refuse_release_of_a_part();
