import { Router, type Request, type Response } from 'express';
import { handle } from '../http.js';
import { cashierPage, unknownTradePage } from '../pages/cashier.js';
import { Refusal } from '../state/refusal.js';
import type { Trade } from '../state/trades.js';
import { payTrade, PLAIN_PAYMENT, tradeOf, type Desk } from './desk.js';

/** `/cashier`: the page that a QR code or a page link opens. Plain forms, so it works without scripts. */
export function cashierRoutes(desk: Desk): Router {
  const router = Router();
  router.get(
    '/:no',
    handle<{ no: string }>(async (req, res) => {
      await withTrade(desk, req, res, async (trade) => {
        await desk.store.commit();
        show(desk, trade, res, 200, 'left' in req.query);
      });
    }),
  );
  router.post(
    '/:no/pay',
    handle<{ no: string }>(async (req, res) => {
      await withTrade(desk, req, res, async (trade) => {
        const paid = await payTrade(desk, trade, PLAIN_PAYMENT);
        const onwards = desk.gateways[trade.channel].returnUrl(paid.trade);
        res.redirect(303, onwards ?? desk.cashierUrl(trade.tradeNo));
      });
    }),
  );
  router.post(
    '/:no/fail',
    handle<{ no: string }>(async (req, res) => {
      await withTrade(desk, req, res, async (trade) => {
        desk.trades.fail(trade);
        await desk.store.commit();
        res.redirect(303, desk.cashierUrl(trade.tradeNo));
      });
    }),
  );
  // Leaving changes nothing at the provider: the trade waits until its time runs out.
  router.post(
    '/:no/leave',
    handle<{ no: string }>(async (req, res) => {
      await withTrade(desk, req, res, (trade) => {
        res.redirect(303, trade.returnUrl ?? `${desk.cashierUrl(trade.tradeNo)}?left`);
      });
    }),
  );
  return router;
}

/** A button pressed too late shows the trade as it stands instead of an error. */
async function withTrade(
  desk: Desk,
  req: Request<{ no: string }>,
  res: Response,
  act: (trade: Trade) => Promise<void> | void,
): Promise<void> {
  try {
    await act(tradeOf(desk, req.params.no));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.code === 'trade_not_found') {
      res.status(404).type('html').send(unknownTradePage(req.params.no));
    } else {
      show(desk, tradeOf(desk, req.params.no), res, 409, false);
    }
  }
}

function show(desk: Desk, trade: Trade, res: Response, status: number, left: boolean): void {
  const returnUrl = desk.gateways[trade.channel].returnUrl(trade);
  const cashierUrl = desk.cashierUrl(trade.tradeNo);
  res.status(status).type('html').set('cache-control', 'no-store');
  res.send(cashierPage({ trade, cashierUrl, returnUrl, left }));
}
