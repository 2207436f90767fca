import { Router } from 'express';
import { bareNumber } from '../gateways/sms/messages.js';
import type { Desk } from './desk.js';
import { inputs, queryOf } from './inputs.js';

// The newest ones; a filter by number finds any.
const LIST_LIMIT = 1_000;

/** `/sms`: the messages that were taken, newest first. */
export function smsRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { mobile, template, provider } = queryOf(req, inputs.smsFilter);
    const found = [...desk.store.sms.values()].filter(
      (sms) =>
        (!mobile || sms.mobile === bareNumber(mobile)) &&
        (!template || sms.template === template) &&
        (!provider || sms.provider === provider),
    );
    const newest = found.slice(-LIST_LIMIT).reverse();
    res.json({ data: newest.map((sms) => ({ ...sms, sentAt: new Date(sms.sentAt).toISOString() })) });
  });
  return router;
}
