import { Router, type Request, type Response } from 'express';
import type { z } from 'zod';
import { handle } from '../http.js';
import { Refusal } from '../state/refusal.js';
import type { Trade } from '../state/trades.js';
import { payTrade, tradeOf, type Desk } from './desk.js';
import { bodyOf, inputs, queryOf } from './inputs.js';
import { disputeTrade } from './disputes.js';
import { tradeView } from './views.js';

// The newest ones; a filter finds any.
const LIST_LIMIT = 1_000;

/** `/trades`: what the provider knows, and what the buyer does. */
export function tradeRoutes(desk: Desk): Router {
  const router = Router();
  router.get('/', (req, res) => {
    const { channel, outTradeNo } = queryOf(req, inputs.tradeFilter);
    const found = desk.trades.list(
      (trade) => (!channel || trade.channel === channel) && (!outTradeNo || trade.outTradeNo === outTradeNo),
    );
    res.json({ data: found.slice(0, LIST_LIMIT).map((trade) => tradeView(desk, trade)) });
  });
  router.post(
    '/',
    handle((req, res) => openTrade(desk, req, res)),
  );
  router.get(
    '/:no',
    handle<{ no: string }>(async (req, res) => {
      const trade = namedTrade(desk, req);
      await desk.store.commit();
      res.json(tradeView(desk, trade));
    }),
  );
  router.post(
    '/:no/pay',
    handle<{ no: string }>(async (req, res) => {
      const request = bodyOf(req, inputs.payment);
      const { trade, eventId } = await payTrade(desk, namedTrade(desk, req), request);
      res.json({ ...tradeView(desk, trade), eventId });
    }),
  );
  router.post(
    '/:no/dispute',
    handle<{ no: string }>(async (req, res) => {
      res.json(await disputeTrade(desk, namedTrade(desk, req), bodyOf(req, inputs.dispute)));
    }),
  );
  const acts = {
    fail: (trade: Trade) => desk.trades.fail(trade),
    close: (trade: Trade) => desk.trades.close(trade),
  };
  for (const [name, act] of Object.entries(acts)) {
    router.post(
      `/:no/${name}`,
      handle<{ no: string }>(async (req, res) => {
        const trade = act(namedTrade(desk, req));
        await desk.store.commit();
        res.json(tradeView(desk, trade));
      }),
    );
  }
  return router;
}

/** The trade that the path names, within `?channel=` when that is given. */
function namedTrade(desk: Desk, req: Request<{ no: string }>): Trade {
  return tradeOf(desk, req.params.no, queryOf(req, inputs.tradeFilter).channel ?? null);
}

/** Opens what the merchant handed to the buyer, or a number that a front end submits by itself. */
async function openTrade(desk: Desk, req: Request, res: Response): Promise<void> {
  const { channel, credential } = bodyOf(req, inputs.carriedTrade);
  const trade =
    credential === undefined
      ? openDirectly(desk, bodyOf(req, inputs.directTrade))
      : desk.gateways[channel].openCredential(stringsIn(credential));
  await desk.store.commit();
  res.status(201).json(tradeView(desk, trade));
}

function openDirectly(desk: Desk, body: z.infer<typeof inputs.directTrade>): Trade {
  const { channel } = body;
  const known = desk.trades.find(channel, body.outTradeNo);
  if (known) {
    if (known.amount === body.amount) return known;
    throw new Refusal('trade_differs', `Trade ${known.outTradeNo} exists with the amount ${known.amount}.`);
  }
  const gateway = desk.gateways[channel];
  return desk.trades.open({
    channel,
    tradeNo: gateway.newTradeNo(),
    outTradeNo: body.outTradeNo,
    scene: 'direct',
    amount: body.amount,
    subject: body.subject ?? body.outTradeNo,
    body: null,
    attach: null,
    buyer: null,
    notifyUrl: body.notifyUrl ?? null,
    returnUrl: null,
    expiresAt: desk.now() + gateway.tradeLifeMs,
    request: '',
    credential: {},
  });
}

/** Every text inside a credential, however the merchant wrapped it. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(stringsIn);
}
