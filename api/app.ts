import cors from 'cors';
import express from 'express';
import helmet from 'helmet';
import { readBacklog } from '../db/backlog.js';
import { within } from '../db/probe.js';
import { HoldfastError } from '../domain/errors.js';
import { PROVIDER_CHANNELS } from '../domain/order.js';
import { addressOf } from './address.js';
import { registerBacklog } from './backlog-metrics.js';
import { codecEndpoints } from './codec.js';
import { watchDatabase } from './database-watch.js';
import { withoutWebPath } from './dialects/campus/web-path.js';
import { dialectEndpoints, errorShapeAt } from './dialects/index.js';
import { docsEndpoints } from './docs.js';
import type { Endpoint } from './endpoint.js';
import { logRequests } from './logging.js';
import { type Edge, errorAnswer, mountEndpoint, sendAnswer } from './mount.js';
import { operationsEndpoints } from './operations.js';
import { createRateLimiter } from './rate-limit.js';
import { factsOf } from './request-facts.js';
import type { Services } from './services.js';
import { v1Endpoints } from './v1/index.js';
import { webhookEndpoint } from './webhooks.js';

const EXPOSED_HEADERS = [
  'X-Request-Id',
  'Idempotent-Replayed',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
];

// Shorter than Prometheus waits for a scrape, which is 10 s.
const BACKLOG_MS = 5_000;

/** The whole HTTP API. Routes are mounted from their declarations; it listens nowhere yet. */
export function createApp(services: Services): express.Express {
  const app = express();
  // Exact paths, and queries read by us: their values are texts, never objects that a caller makes up.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  app.set('trust proxy', services.config.trustProxy);

  app.use(logRequests(services.logger));
  app.use(rememberAddress);
  app.use(measure(services));
  app.use(helmet());
  app.use(cors({ origin: services.config.corsOrigins, exposedHeaders: EXPOSED_HEADERS, maxAge: 600 }));
  app.use((_request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    next();
  });

  app.use(withoutWebPath(services.config.campusWebPath));

  const watch = watchDatabase(services.db);
  registerBacklog(services.metrics.registry, () =>
    within(BACKLOG_MS, readBacklog(services.db), 'the database'),
  );
  const edge: Edge = { services, watch, limit: createRateLimiter(services.config.rateLimitPerMinute) };
  const endpoints = endpointsOf(edge);
  for (const one of endpoints) mountEndpoint(app, edge, one);
  refuseOtherMethods(app, services, endpoints);
  app.use(() => {
    throw new HoldfastError('not_found', { message: 'there is no such path' });
  });
  app.use(answerErrors);
  return app;
}

/** Every route of the app, in the order in which they are tried. */
function endpointsOf({ watch, services }: Edge): readonly Endpoint[] {
  const webhooks = PROVIDER_CHANNELS.map((name) => webhookEndpoint(services.channels, name));
  const codec = codecEndpoints(services.config.temporal.payloadKey);
  const documented = [
    ...operationsEndpoints(watch),
    ...codec,
    ...v1Endpoints,
    ...dialectEndpoints,
    ...webhooks,
  ];
  return [...documented, ...docsEndpoints(documented)];
}

/** While there is a connection: the log's line is written when it may be gone. */
const rememberAddress: express.RequestHandler = (request, _response, next) => {
  factsOf(request).address = addressOf(request);
  next();
};

function measure({ metrics }: Services): express.RequestHandler {
  return (request, response, next) => {
    const stop = metrics.httpDuration.startTimer();
    response.once('close', () => {
      stop({ method: request.method, route: factsOf(request).route, status: String(response.statusCode) });
    });
    next();
  };
}

/** A known path with another method is 405, and says which methods there are. */
function refuseOtherMethods(app: express.Express, services: Services, endpoints: readonly Endpoint[]): void {
  for (const path of new Set(endpoints.map((one) => one.path))) {
    const here = endpoints.filter((one) => one.path === path);
    const allowed = here.map((one) => one.method.toUpperCase());
    const allow = (allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed).join(', ');
    app.all(path, (request, response, next) => {
      if (here.every(({ accepts }) => accepts?.(request.params, services) === false)) {
        next();
        return;
      }
      factsOf(request).route = path;
      response.setHeader('Allow', allow);
      throw new HoldfastError('method_not_allowed', { message: `this path has ${allow}` });
    });
  }
}

// Express tells an error handler from others by its four parameters.
function answerErrors(
  error: unknown,
  request: express.Request,
  response: express.Response,
  _next: express.NextFunction,
): Promise<void> {
  return sendAnswer(request, response, errorAnswer(error, request, response, errorShapeAt(request.path)));
}
