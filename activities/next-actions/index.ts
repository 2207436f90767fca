import type { SmsProviders } from '../../channels/sms.js';
import type { Db } from '../../db/client.js';
import type { ActionName } from '../../domain/next-actions.js';
import { payShopOrder } from './pay-shop-order.js';
import { sendSms } from './send-sms.js';
import type { StepInput } from './step.js';

/** An activity per action, under the action's own name: that is what Temporal's UI shows. */
export type NextActionActivities = Record<ActionName, (input: StepInput) => Promise<void>>;

/** @param sms the providers of messages that there are credentials for */
export function createNextActions(db: Db, sms: SmsProviders = {}) {
  return {
    payShopOrder: payShopOrder(db),
    sendSms: sendSms(db, sms),
  } satisfies NextActionActivities;
}
