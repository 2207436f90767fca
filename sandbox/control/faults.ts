import { Router } from 'express';
import { handle } from '../http.js';
import type { Desk } from './desk.js';
import { bodyOf, inputs, queryOf } from './inputs.js';
import { deliveryView } from './views.js';

// The newest ones; a filter by order finds any.
const LIST_LIMIT = 1_000;

/** `/faults`: what goes wrong next. */
export function faultRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel } = queryOf(req, inputs.faultFilter);
    res.json({ data: desk.faults.list(channel ?? null) });
  });
  router.post(
    '/',
    handle(async (req, res) => {
      const fault = desk.faults.add(bodyOf(req, inputs.fault));
      await desk.store.commit();
      res.status(201).json(fault);
    }),
  );
  router.delete(
    '/',
    handle(async (req, res) => {
      const { channel } = queryOf(req, inputs.faultFilter);
      desk.faults.clear(channel ?? null);
      await desk.store.commit();
      res.json({ data: desk.faults.list(null) });
    }),
  );
  return router;
}

/** `/notifications`: every delivery attempt with its answer, oldest first. */
export function notificationRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel, outTradeNo } = queryOf(req, inputs.tradeFilter);
    const found = [...desk.store.deliveries.values()].filter(
      (delivery) =>
        (!channel || delivery.channel === channel) && (!outTradeNo || delivery.outTradeNo === outTradeNo),
    );
    res.json({ data: found.slice(-LIST_LIMIT).map((delivery) => deliveryView(desk, delivery)) });
  });
  return router;
}
