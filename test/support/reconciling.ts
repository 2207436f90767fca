/** The daily proof as flow tests run it: payments that nobody told us of, and a day's comparison to its end. */
import { and, eq } from 'drizzle-orm';
import { payByProvider } from '../../commands/pay-order.js';
import { requestReconciliation } from '../../commands/reconciliations.js';
import { inbox, reconciliationDifferences } from '../../db/schema.js';
import { fen } from '../../domain/money.js';
import type { ProviderChannel } from '../../domain/order.js';
import { proveLedger } from '../../ledger/balances.js';
import { deliverPayment } from '../../relay/payments.js';
import { reconciliationWorkflowId } from '../../workflows/contract.js';
import { at } from './bills.js';
import type { Flow } from './flow.js';
import { newOrder, until } from './world.js';

export interface Day {
  channel: ProviderChannel;
  date: string;
}

/** A topup that was paid on that day, and of which nobody has told us. @returns its number */
export async function paidUnheard(flow: Flow, { channel, date }: Day, amount: number): Promise<string> {
  const { context } = flow;
  await flow.readClock();
  const order = await newOrder(context, { kind: 'topup', amountFen: fen(amount) });
  const none = { openid: null, clientIp: null, returnUrl: null };
  await payByProvider(context, order, { channel, scene: 'qr', ...none, by: 'test' });
  const route = `/trades/${order.orderNo}/pay?channel=${channel}`;
  await flow.providers.control('POST', route, { notify: false, paidAt: at(date).toISOString() });
  return order.orderNo;
}

/** Takes so many payments to their orders as they come into the inbox, as the relay does. */
export async function takeArrivals({ database, environment }: Flow, { channel }: Day, count: number) {
  const { db } = database;
  const arrived = () => db.select().from(inbox).where(eq(inbox.channel, channel)).orderBy(inbox.id);
  await until(async () => (await arrived()).length === count);
  for (const { id } of await arrived()) await deliverPayment(db, environment.client, id);
  await until(async () => (await arrived()).every(({ state }) => state === 'applied'));
}

/**
 * Compares the day with its bill.
 * @param meanwhile while no time is skipped
 * @returns the types of the channel's differences that are open then
 */
export async function reconcile(
  flow: Flow,
  { channel, date }: Day,
  meanwhile = () => Promise.resolve(),
): Promise<string[]> {
  await requestReconciliation(flow.context, { channel, date }, 'test');
  await meanwhile();
  const handle = flow.environment.client.workflow.getHandle(reconciliationWorkflowId(channel, date));
  if ((await handle.describe()).status.name === 'RUNNING') await handle.result();
  const found = await flow.database.db
    .select()
    .from(reconciliationDifferences)
    .where(and(eq(reconciliationDifferences.channel, channel), eq(reconciliationDifferences.status, 'open')));
  return found.map(({ type }) => type).sort();
}

/** What providers have kept, by our books. */
export const feesOf = async ({ database }: Flow): Promise<number> =>
  (await proveLedger(database.db)).accounts.find(({ account }) => account === 'platform:channel_fees')
    ?.balance ?? 0;
