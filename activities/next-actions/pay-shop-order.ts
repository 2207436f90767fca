import type { Db } from '../../db/client.js';
import { payThing } from './pay-thing.js';
import { finishStep, stepActivity } from './step.js';

/** Type 0: a pending shop order is paid from the payer's balance. */
export const payShopOrder = (db: Db) =>
  stepActivity(db, (step) =>
    db.transaction(async (tx) => {
      await payThing(tx, step, 'shop-orders', String(step.row.parameters['id']));
      await finishStep(tx, step);
    }),
  );
