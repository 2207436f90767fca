import { Router } from 'express';
import { handle } from '../http.js';
import type { Payout } from '../state/payouts.js';
import { Refusal } from '../state/refusal.js';
import type { Desk } from './desk.js';
import { bodyOf, inputs, queryOf } from './inputs.js';
import { payoutView } from './views.js';

// The newest ones; a filter finds any.
const LIST_LIMIT = 1_000;

/** `/payouts`: what the provider pays out, and how it ends. */
export function payoutRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel, outPayoutNo, receiver, status } = queryOf(req, inputs.payoutFilter);
    const found = desk.payouts.list(
      (payout) =>
        (!channel || payout.channel === channel) &&
        (!outPayoutNo || payout.outPayoutNo === outPayoutNo) &&
        (!receiver || payout.receiver === receiver) &&
        (!status || payout.status === status),
    );
    res.json({ data: found.slice(0, LIST_LIMIT).map((payout) => payoutView(desk, payout)) });
  });
  router.get('/:no', (req, res) => {
    const { channel } = queryOf(req, inputs.payoutFilter);
    res.json(payoutView(desk, namedPayout(desk, req.params.no, channel)));
  });
  router.post(
    '/:no/settle',
    handle<{ no: string }>(async (req, res) => {
      const { result, notify } = bodyOf(req, inputs.payoutSettlement);
      const { channel } = queryOf(req, inputs.payoutFilter);
      const payout = await desk.payouts.settle(namedPayout(desk, req.params.no, channel), result, notify);
      res.json(payoutView(desk, payout));
    }),
  );
  return router;
}

/** By either side's number; where two channels know the same one, the newest is meant. */
function namedPayout(desk: Desk, no: string, channel?: string): Payout {
  const [payout] = desk.payouts.list(
    (known) => (known.payoutNo === no || known.outPayoutNo === no) && (!channel || known.channel === channel),
  );
  if (payout) return payout;
  throw new Refusal('payout_not_found', `There is no payout with the number ${no}.`);
}
