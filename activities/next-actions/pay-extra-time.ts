import { payThing } from './pay-thing.js';
import { changeThing } from './new-things.js';
import { effect } from './step.js';
import { lockThing } from './things.js';

const MINUTE_MS = 60_000;

/** Type 19: more time is paid, and the service ends that much later. */
export const payExtraTime = effect('payExtraTime', async (tx, { orderAddBellId }, step) => {
  const { serviceOrderId, minutes } = await payThing(tx, step, 'extra-times', orderAddBellId);
  const service = await lockThing(tx, 'service-orders', serviceOrderId);
  const endsAtMs = Date.parse(service.body.endsAt) + minutes * MINUTE_MS;
  await changeThing(tx, service, { endsAt: new Date(endsAtMs).toISOString() });
});
