/** What an action costs: always what the server keeps, and always from the payer's balance. */
import { eq } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { settings } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { type Fen, amountFen } from '../../domain/money.js';
import { chargePosting } from '../../domain/action-postings.js';
import { post } from '../../ledger/post.js';
import type { Step } from './step.js';

/** @throws HoldfastError `insufficient_funds` */
export async function charge(tx: Db, { input, order }: Step, price: Fen): Promise<void> {
  await post(tx, chargePosting(input.key, order.buyerId, price, input.orderNo));
}

/** A price that operators set. @throws HoldfastError `missing_setting` */
export async function priceSetting(tx: Db, key: `price.${string}`): Promise<Fen> {
  const [setting] = await tx.select().from(settings).where(eq(settings.key, key));
  if (setting === undefined) {
    throw new HoldfastError('missing_setting', { message: `there is no setting ${key}`, details: { key } });
  }
  return amountFen(Number(setting.value));
}
