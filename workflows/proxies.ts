/** One proxy per retry class, with its reason. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { NextActionActivities, OrderActivities, ProviderActivities } from '../activities/index.js';

// Ledger posts are idempotent by their SQL key, so they may retry for ever; 10 s between tries at most, so that
// recovery fits in 60 s. Local: a regular activity would cost ten more history events an order.
export const ledger = proxyLocalActivities<OrderActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// The same work where a person asked for it by an Update (workflows/versions.ts): a regular activity starts once that
// is in the history.
export const decided = proxyActivities<OrderActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

// How long a worker may say nothing about an activity before it counts as dead: so that one which was killed costs
// seconds, and not all the time that a slow provider may take. The worker tells by itself (worker/heartbeat.ts).
const heartbeatTimeout = '10s';

// Questions to a provider are free of effects here: asked until answered, since closing without an answer could
// lose a payment.
export const providers = proxyActivities<ProviderActivities>({
  startToCloseTimeout: '60s',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

// A hint is worth a few tries: the relay asks about every open attempt by its own schedule, and a verified payment
// must not wait behind a provider that is down.
export const hints = proxyActivities<ProviderActivities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 3 },
});

// Steps of the chain retry for ever, visibly; what cannot succeed says so by a failure that is not retried, and
// parks the step.
export const nextActions = proxyActivities<NextActionActivities>({
  startToCloseTimeout: '30s',
  heartbeatTimeout,
  retry: { initialInterval: '500ms', backoffCoefficient: 2, maximumInterval: '10s' },
});
