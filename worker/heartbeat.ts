import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from '@temporalio/worker';

type Context = Parameters<ActivityInterceptorsFactory>[0];

/** So that some may be lost, or late, before the time is over. */
const BEATS = 4;

/**
 * Tells Temporal that the activity's worker lives, for as long as it runs. What ends before the first beat, as most
 * do, costs nothing.
 */
export function heartbeatInterceptor(context: Context): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const { heartbeatTimeoutMs } = context.info;
      if (heartbeatTimeoutMs === undefined || heartbeatTimeoutMs === 0) return next(input);
      const beating = setInterval(() => context.heartbeat(), heartbeatTimeoutMs / BEATS);
      try {
        return await next(input);
      } finally {
        clearInterval(beating);
      }
    },
  };
}
