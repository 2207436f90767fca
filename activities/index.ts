import type { Channels } from '../channels/index.js';
import type { Db } from '../db/client.js';
import { createProviderActivities } from './channels.js';
import { createNextActions } from './next-actions/index.js';
import { createOrderActivities } from './payments.js';

export type OrderActivities = ReturnType<typeof createOrderActivities>;
export type ProviderActivities = ReturnType<typeof createProviderActivities>;
export type { NextActionActivities } from './next-actions/index.js';

export function createActivities(db: Db, channels: Channels) {
  return {
    ...createOrderActivities(db),
    ...createProviderActivities(db, channels),
    ...createNextActions(db),
  };
}
