import type { Endpoint } from '../endpoint.js';
import { actionEndpointEndpoints } from './action-endpoints.js';
import { actionEndpoints } from './actions.js';
import { apiKeyEndpoints } from './api-keys.js';
import { bulkRetryEndpoints } from './bulk-retries.js';
import { catalogEndpoints } from './catalog.js';
import { depositEndpoints } from './deposits.js';
import { entitlementEndpoints } from './entitlements.js';
import { membershipEndpoints } from './memberships.js';
import { operatorItemEndpoints } from './operator-items.js';
import { orderEndpoints } from './orders.js';
import { paymentEndpoints } from './payments.js';
import { payoutAccountEndpoints } from './payout-account.js';
import { reconciliationEndpoints } from './reconciliations.js';
import { refundEndpoints } from './refunds.js';
import { settingEndpoints } from './settings.js';
import { smsEndpoints } from './sms.js';
import { timelineEndpoints } from './timeline.js';
import { userEndpoints } from './users.js';
import { walletEndpoints } from './wallets.js';
import { webhookDeliveryEndpoints } from './webhook-deliveries.js';
import { webhookEndpointEndpoints } from './webhook-endpoints.js';
import { withdrawalEndpoints } from './withdrawals.js';

/** The native API (wire.md, section 6). */
export const v1Endpoints: readonly Endpoint[] = [
  ...orderEndpoints,
  ...paymentEndpoints,
  ...refundEndpoints,
  ...reconciliationEndpoints,
  ...actionEndpoints,
  ...actionEndpointEndpoints,
  ...bulkRetryEndpoints,
  ...timelineEndpoints,
  ...operatorItemEndpoints,
  ...userEndpoints,
  ...apiKeyEndpoints,
  ...catalogEndpoints,
  ...settingEndpoints,
  ...entitlementEndpoints,
  ...membershipEndpoints,
  ...depositEndpoints,
  ...smsEndpoints,
  ...walletEndpoints,
  ...payoutAccountEndpoints,
  ...withdrawalEndpoints,
  ...webhookEndpointEndpoints,
  ...webhookDeliveryEndpoints,
];
