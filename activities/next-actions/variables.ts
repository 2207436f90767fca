/** System parameters in a step's own: read just before the step runs, stored with it, and used by every retry. */
import { inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { settings } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { resolveVariables, variablesIn } from '../../domain/variables.js';
import { type Step, storeResolved } from './step.js';

/** @throws HoldfastError `missing_setting` */
export async function resolvedParameters(db: Db, step: Step): Promise<Record<string, unknown>> {
  return step.row.resolved ?? (await resolve(db, step));
}

async function resolve(db: Db, step: Step): Promise<Record<string, unknown>> {
  const keys = variablesIn(step.row.parameters);
  if (keys.length === 0) return step.row.parameters;
  const rows = await db.select().from(settings).where(inArray(settings.key, keys));
  const known = new Map(rows.map((row) => [row.key, row.value]));
  const missing = keys.find((key) => !known.has(key));
  if (missing !== undefined) {
    throw new HoldfastError('missing_setting', {
      message: `there is no system parameter ${missing}`,
      details: { key: missing },
    });
  }
  const resolved = resolveVariables(step.row.parameters, known) as Record<string, unknown>;
  await storeResolved(db, step, resolved);
  return resolved;
}
