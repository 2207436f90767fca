import { Router } from 'express';
import { handle } from '../http.js';
import { Refusal } from '../state/refusal.js';
import type { Refund, RefundResult } from '../state/refunds.js';
import type { Desk } from './desk.js';
import { bodyOf, inputs, queryOf } from './inputs.js';
import { refundView } from './views.js';

const RESULTS = {
  success: 'succeeded',
  fail: 'failed',
  abnormal: 'abnormal',
} as const satisfies Record<string, RefundResult>;

/** `/refunds`: what the provider refunds, and how it ends. */
export function refundRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel, outTradeNo } = queryOf(req, inputs.tradeFilter);
    const found = desk.refunds.list(
      (refund) =>
        (!channel || refund.channel === channel) && (!outTradeNo || refund.outTradeNo === outTradeNo),
    );
    res.json({ data: found.map(refundView) });
  });
  router.get('/:no', (req, res) => {
    res.json(refundView(namedRefund(desk, req.params.no)));
  });
  router.post(
    '/:no/settle',
    handle<{ no: string }>(async (req, res) => {
      const { result, notify } = bodyOf(req, inputs.settlement);
      const refund = await desk.refunds.settle(namedRefund(desk, req.params.no), RESULTS[result], notify);
      res.json(refundView(refund));
    }),
  );
  return router;
}

/** By either side's refund number; or by a trade's number, and then its newest refund is meant. */
function namedRefund(desk: Desk, no: string): Refund {
  const byNumber = desk.refunds.list((refund) => refund.refundNo === no || refund.outRefundNo === no);
  const byTrade = (): Refund[] =>
    desk.refunds.list((refund) => refund.tradeNo === no || refund.outTradeNo === no);
  const refund = byNumber[0] ?? byTrade()[0];
  if (refund) return refund;
  throw new Refusal('refund_not_found', `There is no refund with the number ${no}.`);
}
