import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

export interface Metrics {
  registry: Registry;
  /** Seconds, by method, route pattern and status. */
  httpDuration: Histogram<'method' | 'route' | 'status'>;
  /** Providers' notifications, by channel and verdict: paid, other or refused. */
  notifications: Counter<'channel' | 'verdict'>;
}

/** A registry of its own for each process (and each test), with Node's default metrics in it. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const httpDuration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'How long HTTP requests took, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  const notifications = new Counter({
    name: 'holdfast_notifications_total',
    help: "Providers' notifications, by channel and verdict: paid, other or refused.",
    labelNames: ['channel', 'verdict'],
    registers: [registry],
  });
  return { registry, httpDuration, notifications };
}
