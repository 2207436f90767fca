import type { Client } from '@temporalio/client';
import type { Channels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import type { Inline } from '../relay/inline.js';

/** What a command works with, whichever dialect it came in by. */
export interface CommandContext {
  db: Db;
  temporal: Client;
  inline: Inline;
  channels: Channels;
  /** Epoch ms; a time-skipping test has a clock of its own. */
  now: () => number;
  /** What providers call back. */
  publicUrl: string;
  windows: {
    paymentExpiresAfterMs: number;
    chatWindowMs: number;
    autoConfirmAfterMs: number;
    /** No refund is asked for later than this after the payment. */
    refundWindowMs: number;
  };
}
