/** A scenario for every point: the compiler names one that has none. */
import type { CrashPoint } from '../../crash-points.js';
import { CHAIN } from './chain.js';
import { ENDING } from './ending.js';
import { INTAKE } from './intake.js';
import { MEMBERSHIPS } from './memberships.js';
import { MERCHANTS } from './merchants.js';
import { MESSAGES } from './messages.js';
import { PAYING } from './paying.js';
import { RECONCILIATIONS } from './reconciliations.js';
import { REFUNDS } from './refunds.js';
import type { Scenario } from './scene.js';
import { WITHDRAWALS } from './withdrawals.js';

export const SCENARIOS: Readonly<Record<CrashPoint, Scenario>> = {
  ...INTAKE,
  ...PAYING,
  ...ENDING,
  ...REFUNDS,
  ...WITHDRAWALS,
  ...RECONCILIATIONS,
  ...CHAIN,
  ...MESSAGES,
  ...MEMBERSHIPS,
  ...MERCHANTS,
} satisfies Record<CrashPoint, Scenario>;
