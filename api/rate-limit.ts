import type express from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { type Caller, callerKey } from '../commands/credentials.js';
import { HoldfastError } from '../domain/errors.js';
import { addressOf } from './address.js';

export type RateLimiter = (
  request: express.Request,
  response: express.Response,
  caller: Caller | undefined,
) => Promise<void>;

const WINDOW_MS = 60_000;

/**
 * So many requests a minute per user, or per address where nobody is signed in; back ends with an API key are
 * exempt (wire.md, section 7). Each process counts for itself.
 * @returns a function that throws HoldfastError `rate_limited`
 */
export function createRateLimiter(perMinute: number): RateLimiter {
  const callers = new WeakMap<express.Request, Caller>();
  const limiter = rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    // TRUST_PROXY alone says whose headers count, so one that somebody forged needs no warning.
    validate: { xForwardedForHeader: false, forwardedHeader: false },
    keyGenerator: (request) => {
      const caller = callers.get(request);
      return caller === undefined ? `address:${ipKeyGenerator(addressOf(request) ?? '')}` : callerKey(caller);
    },
    handler: (request, _response, next) => {
      const resetAt = 'rateLimit' in request ? resetTime(request.rateLimit) : undefined;
      const waitMs = resetAt === undefined ? WINDOW_MS : resetAt.getTime() - Date.now();
      next(
        new HoldfastError('rate_limited', {
          message: `at most ${perMinute} requests a minute`,
          details: { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) },
        }),
      );
    },
  });
  return async (request, response, caller) => {
    if (caller?.kind === 'backend') return;
    if (caller !== undefined) callers.set(request, caller);
    await new Promise<void>((resolve, reject) => {
      void limiter(request, response, (error?: unknown) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  };
}

function resetTime(info: unknown): Date | undefined {
  const found = typeof info === 'object' && info !== null && 'resetTime' in info ? info.resetTime : undefined;
  return found instanceof Date ? found : undefined;
}
