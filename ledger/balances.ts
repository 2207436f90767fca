import { sql } from 'drizzle-orm';
import { type Db, forLongReads } from '../db/client.js';
import { type Fen, fen } from '../domain/money.js';

export interface Wallet {
  /** Topped up: spendable, cannot be withdrawn. Fen. */
  cash: Fen;
  /** Earned and released: spendable and can be withdrawn. Fen. */
  withdrawable: Fen;
  /** Paid by buyers and not yet released to this user. Fen. */
  held: Fen;
  /** In a withdrawal that is under way. Fen. */
  frozen: Fen;
}

/** Zeros for a user who never had money. */
export async function walletOf(db: Db, userId: string): Promise<Wallet> {
  const [row] = await db.execute<Record<keyof Wallet, string>>(sql`
    SELECT
      COALESCE(sum(balance) FILTER (WHERE account = ${`user:${userId}:cash`}), 0) AS cash,
      COALESCE(sum(balance) FILTER (WHERE account = ${`user:${userId}:withdrawable`}), 0) AS withdrawable,
      COALESCE(sum(balance) FILTER (WHERE account = ${`user:${userId}:frozen`}), 0) AS frozen,
      (SELECT COALESCE(sum(b.balance), 0) FROM orders o JOIN balances b ON b.account = 'hold:' || o.order_no
        WHERE o.seller_id = ${userId} AND o.money = 'held') AS held
    FROM balances
    WHERE account IN (${`user:${userId}:cash`}, ${`user:${userId}:withdrawable`}, ${`user:${userId}:frozen`})`);
  if (row === undefined) throw new Error('an aggregate answered no row');
  return {
    cash: fen(Number(row.cash)),
    withdrawable: fen(Number(row.withdrawable)),
    held: fen(Number(row.held)),
    frozen: fen(Number(row.frozen)),
  };
}

/** What a user has ever spent from the balance on what was bought, in fen: deposits and withdrawals stay the user's. */
export async function spentBy(db: Db, userId: string): Promise<Fen> {
  const [row] = await db.execute<{ spent: string }>(sql`
    SELECT COALESCE(-sum(e.amount), 0) AS spent
      FROM entries e JOIN postings p ON p.id = e.posting_id
     WHERE e.account IN (${`user:${userId}:cash`}, ${`user:${userId}:withdrawable`})
       AND e.amount < 0 AND p.kind IN ('charge', 'renewal', 'payment')`);
  if (row === undefined) throw new Error('an aggregate answered no row');
  return fen(Number(row.spent));
}

export interface WalletEntry {
  id: number;
  bucket: string;
  /** Fen; positive is money in. */
  amount: number;
  currency: string;
  kind: string;
  orderNo: string | null;
  createdAt: Date;
}

/** A user's entries, newest first. @param beforeId keyset: only entries older than this one */
export async function walletEntries(
  db: Db,
  userId: string,
  page: { limit: number; beforeId: number | null },
): Promise<WalletEntry[]> {
  const buckets = ['cash', 'withdrawable', 'frozen', 'deposit', 'debt'];
  const rows = await db.execute<{
    id: string;
    account: string;
    amount: string;
    currency: string;
    kind: string;
    order_no: string | null;
    created_at: string;
  }>(sql`
    SELECT e.id, e.account, e.amount, e.currency, p.kind, p.order_no, e.created_at
      FROM entries e JOIN postings p ON p.id = e.posting_id
     WHERE e.account = ANY (${sql.param(buckets.map((bucket) => `user:${userId}:${bucket}`))}::text[])
       AND (${page.beforeId}::bigint IS NULL OR e.id < ${page.beforeId}::bigint)
     ORDER BY e.id DESC LIMIT ${page.limit}`);
  return rows.map((row) => ({
    id: Number(row.id),
    bucket: row.account.slice(row.account.lastIndexOf(':') + 1),
    amount: Number(row.amount),
    currency: row.currency,
    kind: row.kind,
    orderNo: row.order_no,
    createdAt: new Date(row.created_at),
  }));
}

export interface Proof {
  balanced: boolean;
  /** Fen, over all entries. */
  totalDebit: number;
  totalCredit: number;
  /** Sums by kind of account, such as `hold:*`; debits are negative. */
  accounts: { account: string; balance: number; entries: number }[];
  /** What was found wrong; empty when balanced. */
  faults: { unbalancedPostings: number; wrongBalances: number; negativeBalances: number };
  checkedAt: Date;
}

/** Recomputes everything from the entries, in one snapshot, and compares the balance rows with them. */
export async function proveLedger(db: Db): Promise<Proof> {
  return forLongReads(db).transaction(
    async (tx) => {
      const accounts = await tx.execute<{
        account: string;
        balance: string;
        debit: string;
        credit: string;
        entries: string;
      }>(sql`
        SELECT regexp_replace(regexp_replace(account, '^user:[^:]+:', 'user:*:'), '^(hold|refunding):.*', '\\1:*') AS account,
               sum(amount) AS balance, count(*) AS entries,
               COALESCE(-sum(amount) FILTER (WHERE amount < 0), 0) AS debit,
               COALESCE(sum(amount) FILTER (WHERE amount > 0), 0) AS credit
          FROM entries GROUP BY 1 ORDER BY 1`);
      const [faults] = await tx.execute<Record<keyof Proof['faults'], string>>(sql`
        SELECT
          (SELECT count(*) FROM (SELECT 1 FROM entries GROUP BY posting_id, currency HAVING sum(amount) <> 0) u)
            AS "unbalancedPostings",
          (SELECT count(*)
             FROM balances b FULL JOIN (
               SELECT account, sum(CASE WHEN account LIKE 'user:%:debt' THEN -amount ELSE amount END) AS total
                 FROM entries WHERE account LIKE 'user:%' OR account LIKE 'hold:%' OR account LIKE 'refunding:%'
                GROUP BY account) e USING (account)
            WHERE COALESCE(b.balance, 0) <> COALESCE(e.total, 0)) AS "wrongBalances",
          (SELECT count(*) FROM balances WHERE balance < 0) AS "negativeBalances"`);
      if (faults === undefined) throw new Error('an aggregate answered no row');
      const found = {
        unbalancedPostings: Number(faults.unbalancedPostings),
        wrongBalances: Number(faults.wrongBalances),
        negativeBalances: Number(faults.negativeBalances),
      };
      const total = (side: 'debit' | 'credit'): number =>
        accounts.reduce((sum, row) => sum + Number(row[side]), 0);
      const [totalDebit, totalCredit] = [total('debit'), total('credit')];
      return {
        balanced: totalDebit === totalCredit && Object.values(found).every((count) => count === 0),
        totalDebit,
        totalCredit,
        accounts: accounts.map((row) => ({
          account: row.account,
          balance: Number(row.balance),
          entries: Number(row.entries),
        })),
        faults: found,
        checkedAt: new Date(),
      };
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}
