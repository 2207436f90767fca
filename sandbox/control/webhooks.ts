import { Router } from 'express';
import { handle } from '../http.js';
import type { Desk } from './desk.js';
import { bodyOf, inputs } from './inputs.js';

/** `/webhooks`: where a provider that keeps one address for all events sends them from now on. */
export function webhookRoutes(desk: Desk): Router {
  const router = Router();
  router.put(
    '/',
    handle(async (req, res) => {
      const { channel, url } = bodyOf(req, inputs.webhook);
      desk.store.webhooks.set(channel, url);
      await desk.store.commit();
      res.json({ channel, url });
    }),
  );
  return router;
}
