/** The dialect `market` (wire.md, section 1): the document's fourteen calls, and three beside them. */
import type { Endpoint } from '../../endpoint.js';
import { marketMoney } from './money.js';
import { marketOrders } from './orders.js';
import { marketTalks } from './talks.js';

export const marketEndpoints: readonly Endpoint[] = [...marketOrders, ...marketMoney, ...marketTalks];
