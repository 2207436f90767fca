/** Deposits, as their payers look at them. */
import { and, desc, eq, isNotNull, isNull } from 'drizzle-orm';
import type { Db } from './client.js';
import { deposits } from './schema.js';

type DepositRow = typeof deposits.$inferSelect;

export const DEPOSIT_STATES = ['held', 'return_asked', 'returned'] as const;
export type DepositState = (typeof DEPOSIT_STATES)[number];

export function stateOfDeposit({ status, returnAskedAt }: DepositRow): DepositState {
  if (status === 'returned') return 'returned';
  return returnAskedAt === null ? 'held' : 'return_asked';
}

const isIn = {
  held: and(eq(deposits.status, 'held'), isNull(deposits.returnAskedAt)),
  return_asked: and(eq(deposits.status, 'held'), isNotNull(deposits.returnAskedAt)),
  returned: eq(deposits.status, 'returned'),
} as const satisfies Record<DepositState, unknown>;

/** A user's, the newest first. */
export async function depositsOf(
  db: Db,
  userId: string,
  state: DepositState | undefined,
  page: { no: number; size: number },
): Promise<{ listed: DepositRow[]; total: number }> {
  const wanted = and(eq(deposits.userId, userId), state && isIn[state]);
  const [total, listed] = await Promise.all([
    db.$count(deposits, wanted),
    db
      .select()
      .from(deposits)
      .where(wanted)
      .orderBy(desc(deposits.seq))
      .limit(page.size)
      .offset((page.no - 1) * page.size),
  ]);
  return { listed, total };
}

/** Undefined: there is none, or it is another user's. */
export async function depositOf(db: Db, userId: string, id: string): Promise<DepositRow | undefined> {
  const [row] = await db
    .select()
    .from(deposits)
    .where(and(eq(deposits.id, id), eq(deposits.userId, userId)));
  return row;
}

/** What one order's only step took. */
export async function depositOfOrder(db: Db, orderNo: string): Promise<DepositRow> {
  const [row] = await db.select().from(deposits).where(eq(deposits.orderNo, orderNo));
  if (row === undefined) throw new Error(`order ${orderNo} took no deposit`);
  return row;
}
