/** Retrying parked steps over a filter (wire.md, section 6). */

import type { ErrorCode } from './errors.js';

/** All that is given must hold. */
export interface BulkFilter {
  /** Why it is parked. */
  code?: ErrorCode | undefined;
  /** Of the action. */
  type?: number | undefined;
  buyerId?: string | undefined;
  /** Only steps whose last try was before this. ISO 8601. */
  triedBefore?: string | undefined;
}

/** `left`: when its turn came it was not parked any more. */
export type BulkStepState = 'waiting' | 'retried' | 'left';
