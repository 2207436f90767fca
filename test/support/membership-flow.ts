/** Memberships that renew themselves, whose workflow really runs. */
import { eq } from 'drizzle-orm';
import { createNextActions } from '../../activities/next-actions/index.js';
import { type RenewalRow, renewalById } from '../../db/memberships.js';
import { entitlements, membershipRenewals } from '../../db/schema.js';
import { renewalDueAt } from '../../domain/memberships.js';
import { deliverRenewal } from '../../relay/memberships.js';
import { membershipWorkflowId } from '../../workflows/contract.js';
import { DAY_MS } from '../actions/cases.js';
import { actionOrder } from '../actions/orders.js';
import { openShop } from '../actions/shop.js';
import type { Flow } from './flow.js';
import { addUsers, giveCash } from './world.js';

export const TERM_PRICE = 100;
export const TERM_DAYS = 30;

let last = 0;

/**
 * Bought by the action itself; its workflow is started.
 * @param terms how many more the payer's balance is enough for
 */
export async function renewingMember(flow: Flow, terms: number): Promise<RenewalRow> {
  const { db } = flow.context;
  last += 1;
  const userId = `member${last}`;
  await addUsers(db, userId);
  await giveCash(db, userId, TERM_PRICE * (1 + terms));
  const row = { levelId: `level${last}`, name: 'gold', amount: TERM_PRICE, days: TERM_DAYS };
  const userLevelPriceId = await openShop(db).put('membership-prices', row, String(last));
  const { orderNo } = await actionOrder(db, userId, { type: 6, userLevelPriceId, isAutoRenew: true });
  await createNextActions(db).buyMembership({ key: `${orderNo}:0`, orderNo, path: '0' });
  const [renewal] = await db.select().from(membershipRenewals).where(eq(membershipRenewals.userId, userId));
  if (renewal === undefined) throw new Error('nothing renews itself');
  await beginNow(flow, renewal);
  await deliver(flow, renewal);
  return renewalNow(flow, renewal);
}

/** The purchase goes by our clock, and the workflow by the server's, which may have skipped months. */
async function beginNow(flow: Flow, { id, userId }: RenewalRow): Promise<void> {
  const { db } = flow.context;
  const validFrom = new Date(await flow.readClock());
  const validTo = new Date(validFrom.getTime() + TERM_DAYS * DAY_MS);
  await db.update(entitlements).set({ validFrom, validTo }).where(eq(entitlements.userId, userId));
  const dueAt = new Date(renewalDueAt(validTo.getTime()));
  await db
    .update(membershipRenewals)
    .set({ createdAt: validFrom, dueAt })
    .where(eq(membershipRenewals.id, id));
}

/** As the relay does. */
export const deliver = ({ context }: Flow, { id }: RenewalRow): Promise<void> =>
  deliverRenewal(context.db, context.temporal, id);

export const renewalNow = ({ context }: Flow, { id }: RenewalRow): Promise<RenewalRow> =>
  renewalById(context.db, id);

export const renewalHandle = ({ environment }: Flow, { id }: RenewalRow) =>
  environment.client.workflow.getHandle(membershipWorkflowId(id));
