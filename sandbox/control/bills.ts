import { Router } from 'express';
import type { Difference } from '../bills/desk.js';
import type { BillLine } from '../bills/lines.js';
import { handle } from '../http.js';
import type { Desk } from './desk.js';
import { bodyOf, inputs, queryOf } from './inputs.js';

/** `/bills`: what the providers' bills of a day tell, and what they tell wrongly. */
export function billRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel, date } = queryOf(req, inputs.billDay);
    res.json({ data: desk.bills.lines(channel, date).map(lineView) });
  });
  router.get('/faults', (req, res) => {
    const { channel } = queryOf(req, inputs.tradeFilter);
    res.json({ data: desk.bills.list(channel ?? null).map(differenceView) });
  });
  router.post(
    '/faults',
    handle(async (req, res) => {
      const { channel, date, differences } = bodyOf(req, inputs.billFaults);
      const touched = desk.bills.inject(channel, date, differences);
      await desk.store.commit();
      res.status(201).json({ data: touched.map(differenceView) });
    }),
  );
  router.delete(
    '/faults',
    handle(async (req, res) => {
      const { channel } = queryOf(req, inputs.tradeFilter);
      desk.bills.clear(channel ?? null);
      await desk.store.commit();
      res.json({ data: desk.bills.list(null).map(differenceView) });
    }),
  );
  return router;
}

function lineView(line: BillLine): object {
  const iso = (at: number): string => new Date(at).toISOString();
  return { ...line, createdAt: iso(line.createdAt), at: iso(line.at) };
}

function differenceView({ line: _line, ...difference }: Difference): object {
  return difference;
}
