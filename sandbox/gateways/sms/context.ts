import type { GatewayContext } from '../../gateway.js';
import type { SmsBook } from './messages.js';

/** What the providers of SMS work with. */
export interface SmsContext extends Pick<GatewayContext, 'store' | 'faults'> {
  readonly book: SmsBook;
}
