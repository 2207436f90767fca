/** A scenario for every point: the compiler names one that has none. */
import type { CrashPoint } from '../../crash-points.js';
import { CHAIN } from './chain.js';
import { ENDING } from './ending.js';
import { INTAKE } from './intake.js';
import { PAYING } from './paying.js';
import { REFUNDS } from './refunds.js';
import type { Scenario } from './scene.js';

export const SCENARIOS: Readonly<Record<CrashPoint, Scenario>> = {
  ...INTAKE,
  ...PAYING,
  ...ENDING,
  ...REFUNDS,
  ...CHAIN,
} satisfies Record<CrashPoint, Scenario>;
