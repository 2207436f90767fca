/** The order's workflow with an activity too many: replaying any history with it must fail. */
import type { OrderInput } from '../../../workflows/contract.js';
import { order as current } from '../../../workflows/order.js';
import { nextActions } from '../../../workflows/proxies.js';

export async function order(input: OrderInput): Promise<void> {
  await nextActions.sendSms({ key: `${input.orderNo}:planted`, orderNo: input.orderNo, path: 'planted' });
  await current(input);
}
