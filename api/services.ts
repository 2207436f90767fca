import type { Logger } from 'pino';
import type { Channels } from '../channels/index.js';
import type { CommandContext } from '../commands/context.js';
import type { Config } from '../config.js';
import type { Db } from '../db/client.js';
import type { LiveEvents } from './live-events.js';
import type { Metrics } from './metrics.js';

/** Each resolves when its part answers, and rejects with an error whose message says what is wrong. */
export interface Probes {
  temporal(): Promise<void>;
  /** Whether a worker polls the queue. */
  worker(): Promise<void>;
}

/** What handlers work with. */
export interface Services {
  config: Config;
  db: Db;
  channels: Channels;
  commands: CommandContext;
  liveEvents: LiveEvents;
  logger: Logger;
  metrics: Metrics;
  probes: Probes;
  /** Whether every answer is held against its declared schema before it is sent; tests do. */
  checkAnswers?: boolean;
}
