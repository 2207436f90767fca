import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { Logger } from 'pino';
import { failureOf } from '../activities/errors.js';

/** Every activity's failure goes through `failureOf`; what it keeps back is in the log. */
export function failureInterceptor(log: Logger, activity: string): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      try {
        return await next(input);
      } catch (error) {
        const failure = failureOf(error, activity);
        log.warn({ err: error, activity, code: failure.type }, 'an activity failed');
        throw failure;
      }
    },
  };
}
