/** What must hold of postings, entries and balances, whatever orders there are. */
import type { Check } from './verdict-run.js';

const KNOWN_ACCOUNT =
  '^(channel:[a-z]+|hold:[0-9a-zA-Z]+|refunding:[0-9a-zA-Z]+|platform:(fees|sales|suspense|channel_fees|bank)|' +
  'user:[0-9A-Za-z_-]{1,64}:(cash|withdrawable|frozen|deposit|debt))$';

const HAS_ROW = `(account LIKE 'user:%' OR account LIKE 'hold:%' OR account LIKE 'refunding:%')`;

/** An account's money as its owner sees it: a debt grows with debits. */
const SIGNED = `CASE WHEN account LIKE '%:debt' THEN -amount ELSE amount END`;

/** What came to suspense and has not left it, by the key of its posting. */
const LEFT_IN_SUSPENSE = `
  SELECT p.key, sum(e.amount) AS amount
    FROM postings p JOIN entries e ON e.posting_id = p.id AND e.account = 'platform:suspense'
   WHERE p.kind = 'suspense' AND NOT EXISTS (SELECT 1 FROM postings o WHERE o.key = p.key || ':out')
   GROUP BY p.key`;

/** Returns from suspense that the provider refused for good, and that nobody has tried again or settled since. */
const BACK_IN_SUSPENSE = `
  SELECT r.id, r.amount, r.channel, r.out_trade_no
    FROM refunds r
   WHERE r.source = 'suspense' AND r.status = 'failed'
     AND NOT EXISTS (SELECT 1 FROM postings p WHERE p.key = 'refund/' || r.id || ':by-hand')
     AND NOT EXISTS (SELECT 1 FROM operator_items i
                      WHERE i.kind = 'failed_refund' AND i.ref = r.id AND i.resolution = 'retry')`;

export const LEDGER_CHECKS: readonly Check[] = [
  {
    promise: 'M1',
    name: 'a posting sums to 0',
    sql: `SELECT p.key AS about, 'its entries sum to ' || sum(e.amount) || ' ' || e.currency AS what
            FROM entries e JOIN postings p ON p.id = e.posting_id
           GROUP BY p.key, e.currency HAVING sum(e.amount) <> 0`,
  },
  {
    promise: 'M1',
    name: 'a currency sums to 0',
    sql: `SELECT currency AS about, 'all entries sum to ' || sum(amount) AS what
            FROM entries GROUP BY currency HAVING sum(amount) <> 0`,
  },
  {
    promise: 'M1',
    name: 'an entry belongs to a posting',
    sql: `SELECT account AS about, 'entry ' || id || ' belongs to no posting' AS what
            FROM entries e WHERE NOT EXISTS (SELECT 1 FROM postings p WHERE p.id = e.posting_id)`,
  },
  {
    promise: 'M2',
    name: 'amounts are integers',
    sql: `SELECT table_name || '.' || column_name AS about, 'is of type ' || data_type AS what
            FROM information_schema.columns
           WHERE table_schema = 'public' AND data_type <> 'bigint'
             AND (table_name, column_name) IN (('entries', 'amount'), ('balances', 'balance'), ('orders', 'amount'),
                  ('orders', 'captured'), ('orders', 'refunded'), ('payments', 'amount'), ('inbox', 'amount'),
                  ('refunds', 'amount'), ('refunds', 'captured'), ('refunds', 'fee'), ('withdrawals', 'amount'))`,
  },
  {
    promise: 'M2',
    name: 'only the owner may write entries',
    sql: `SELECT r.rolname || ' on ' || c.relname AS about, 'may ' || w.privilege || ' rows' AS what
            FROM pg_roles r
            CROSS JOIN pg_class c
            CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS w (privilege)
           WHERE c.relnamespace = 'public'::regnamespace AND c.relname IN ('entries', 'postings', 'balances')
             AND NOT r.rolsuper AND r.rolname NOT LIKE 'pg\\_%' AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
             AND has_table_privilege(r.oid, c.oid, w.privilege)`,
  },
  {
    promise: 'M2',
    name: 'a trigger refuses changes of entries',
    sql: `SELECT t.name AS about, 'the trigger is missing or off' AS what
            FROM (VALUES ('entries', 'entries_append_only'), ('postings', 'postings_append_only')) AS t (relation, name)
           WHERE NOT EXISTS (
             SELECT 1 FROM pg_trigger g
              WHERE g.tgrelid = ('public.' || t.relation)::regclass AND g.tgname = t.name AND g.tgenabled = 'O')`,
  },
  {
    promise: 'M3',
    name: 'a balance is the sum of its entries',
    sql: `SELECT COALESCE(b.account, s.account) AS about,
                 'its row says ' || COALESCE(b.balance::text, 'nothing') || ', its entries ' || COALESCE(s.sum, 0) AS what
            FROM balances b
            FULL JOIN (SELECT account, sum(${SIGNED}) AS sum FROM entries WHERE ${HAS_ROW} GROUP BY account) s
                   ON s.account = b.account
           WHERE COALESCE(b.balance, 0) <> COALESCE(s.sum, 0)`,
  },
  {
    promise: 'M3',
    name: 'no account was ever negative',
    // The entries of one account are written under its row's lock, so their ids are in the order of their effect.
    sql: `SELECT DISTINCT ON (account) account AS about, 'stood at ' || after || ' after entry ' || id AS what
            FROM (SELECT id, account, sum(${SIGNED}) OVER (PARTITION BY account ORDER BY id) AS after
                    FROM entries WHERE ${HAS_ROW}) AS running
           WHERE after < 0 ORDER BY account, id`,
  },
  {
    promise: 'M4',
    name: 'an account has a known name',
    sql: `SELECT DISTINCT account AS about, 'nobody knows whose it is' AS what
            FROM entries WHERE account !~ '${KNOWN_ACCOUNT}'`,
  },
  {
    promise: 'M4',
    name: 'nobody owes us more than came in',
    // What a provider has paid out for us, and kept, may be more than it received for us: it was given the rest.
    sql: `SELECT account AS about, 'stands at ' || sum(amount) AS what
            FROM entries WHERE account LIKE 'channel:%' OR account = 'platform:suspense'
           GROUP BY account
          HAVING CASE WHEN account = 'platform:suspense' THEN sum(amount) < 0
                 ELSE sum(amount) > (SELECT COALESCE(sum(w.amount), 0) FROM withdrawals w
                                      WHERE w.status = 'paid' AND account = 'channel:' || w.channel)
                                  + (SELECT COALESCE(sum(r.fees), 0) FROM reconciliations r
                                      WHERE account = 'channel:' || r.channel) END`,
  },
  {
    promise: 'M4',
    name: 'what came in is somewhere',
    // One side from orders, suspense and refunds, the other from entries: neither can hide the other's mistake.
    sql: `WITH came AS (
            SELECT (SELECT COALESCE(sum(captured), 0) FROM orders WHERE paid_channel <> 'wallet')
                 + (SELECT COALESCE(sum(e.amount), 0) FROM postings p JOIN entries e ON e.posting_id = p.id
                     WHERE p.kind = 'suspense' AND e.account = 'platform:suspense'
                       AND NOT EXISTS (SELECT 1 FROM postings o
                                        WHERE o.key = p.key || ':out' AND o.kind = 'suspense_superseded'))
                 + (SELECT COALESCE(-sum(e.amount), 0) FROM postings p JOIN entries e ON e.posting_id = p.id
                     WHERE p.kind = 'payment' AND p.order_no IS NULL AND e.account LIKE 'channel:%') AS fen),
          went AS (
            SELECT (SELECT COALESCE(sum(amount), 0) FROM refunds WHERE status = 'succeeded' AND channel <> 'wallet')
                 + (SELECT COALESCE(sum(e.amount), 0) FROM postings p JOIN entries e ON e.posting_id = p.id
                     WHERE p.kind IN ('refund_by_hand', 'chargeback', 'chargeback_returned')
                       AND e.account LIKE 'channel:%')
                 + (SELECT COALESCE(sum(amount), 0) FROM withdrawals WHERE status = 'paid') AS fen),
          -- What providers kept left their accounts for ours of the same name, and nobody else's.
          here AS (SELECT COALESCE(sum(amount), 0) AS fen FROM entries
                    WHERE account NOT LIKE 'channel:%' AND account <> 'platform:channel_fees')
          SELECT 'all money' AS about,
                 'came in ' || came.fen || ', went out ' || went.fen || ', is here ' || here.fen AS what
            FROM came, went, here WHERE came.fen <> went.fen + here.fen`,
  },
  {
    promise: 'M4',
    name: 'suspense is what its items are about',
    sql: `SELECT 'platform:suspense' AS about, 'holds ' || holds.fen || ', accounted for ' || known.fen AS what
            FROM (SELECT COALESCE(sum(amount), 0) AS fen FROM entries WHERE account = 'platform:suspense') AS holds,
                 (SELECT COALESCE((SELECT sum(amount) FROM (${LEFT_IN_SUSPENSE}) AS l), 0)
                       + COALESCE((SELECT sum(amount) FROM (${BACK_IN_SUSPENSE}) AS b), 0) AS fen) AS known
           WHERE holds.fen <> known.fen`,
  },
  {
    promise: 'M4',
    name: 'money in suspense has an operator item',
    sql: `SELECT l.key AS about, l.amount || ' fen lie in suspense, and no open item says so' AS what
            FROM (${LEFT_IN_SUSPENSE}) AS l
           WHERE NOT EXISTS (
             SELECT 1 FROM operator_items i
              WHERE i.kind = 'suspense' AND i.status = 'open'
                AND starts_with(i.ref, substr(replace(l.key, ':corrected', ''), length('suspense/') + 1) || '/'))
          UNION ALL
          SELECT b.id, b.amount || ' fen came back to suspense, and no open item says so'
            FROM (${BACK_IN_SUSPENSE}) AS b
           WHERE NOT EXISTS (SELECT 1 FROM operator_items i
                              WHERE i.kind = 'failed_refund' AND i.ref = b.id AND i.status = 'open')`,
  },
];
