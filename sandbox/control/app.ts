import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { CHANNELS } from '../gateway.js';
import { clientStatusOf } from '../http.js';
import { Refusal } from '../state/refusal.js';
import { billRoutes } from './bills.js';
import { cashierRoutes } from './cashier.js';
import type { Desk } from './desk.js';
import { faultRoutes, notificationRoutes } from './faults.js';
import { payoutRoutes } from './payouts.js';
import { refundRoutes } from './refunds.js';
import { smsRoutes } from './sms.js';
import { tradeRoutes } from './trades.js';
import { webhookRoutes } from './webhooks.js';

/** The control API and the cashier pages. */
export function controlApp(desk: Desk): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  // JSON whatever the content type says, because curl -d calls it a form.
  app.use(express.text({ type: () => true, limit: '256kb' }));
  app.get('/keys', (_req, res) => {
    const channels = Object.fromEntries(CHANNELS.map((name) => [name, desk.gateways[name].publicFacts]));
    res.json({ home: desk.home, merchantFile: desk.merchantFile, ...channels, sms: desk.sms.publicFacts });
  });
  app.use('/trades', tradeRoutes(desk));
  app.use('/refunds', refundRoutes(desk));
  app.use('/payouts', payoutRoutes(desk));
  app.use('/bills', billRoutes(desk));
  app.use('/sms', smsRoutes(desk));
  app.use('/faults', faultRoutes(desk));
  app.use('/webhooks', webhookRoutes(desk));
  app.use('/notifications', notificationRoutes(desk));
  app.use('/cashier', cashierRoutes(desk));
  app.use((req) => {
    throw new Refusal('no_such_call', `There is no control call ${req.method} ${req.path}.`);
  });
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) return next(error);
    const { status, code, message } = failureOf(error);
    if (status >= 500) desk.report(error);
    res.status(status).json({ error: { code, message } });
  });
  return app;
}

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const NOT_FOUND: readonly string[] = [
  'trade_not_found',
  'refund_not_found',
  'payout_not_found',
  'no_such_call',
];
const BAD_INPUT: readonly string[] = ['invalid_input', 'invalid_json', 'bad_credential'];

function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) {
    const { code, message } = error;
    if (NOT_FOUND.includes(code)) return { status: 404, code, message };
    // What is left is a right question that the trade's state says no to.
    return { status: BAD_INPUT.includes(code) ? 400 : 409, code, message };
  }
  const status = clientStatusOf(error);
  if (status !== null) {
    return { status, code: 'bad_request', message: error instanceof Error ? error.message : 'Bad request' };
  }
  return { status: 500, code: 'internal', message: 'The sandbox failed; its own output says why.' };
}
