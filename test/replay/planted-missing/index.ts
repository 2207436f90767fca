/** The order's workflow without the first step of its chain: replaying an order that had one must fail. */
import type { OrderInput } from '../../../workflows/contract.js';
import { order as current } from '../../../workflows/order.js';

export async function order(input: OrderInput): Promise<void> {
  await current({ ...input, steps: input.steps.slice(1) });
}
