/**
 * The dialect `factory` (wire.md, section 4): payments that fill a balance, and what is paid for from it, as the
 * platform's public client `apifm-wxapi` calls it.
 */
import type { Endpoint } from '../../endpoint.js';
import { factoryPayments } from './payments.js';
import { factoryShop } from './shop.js';
import { factoryWallet } from './wallet.js';

export const factoryEndpoints: readonly Endpoint[] = [...factoryPayments, ...factoryWallet, ...factoryShop];
