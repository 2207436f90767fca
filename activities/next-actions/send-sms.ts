import { randomBytes } from 'node:crypto';
import { and, eq, inArray } from 'drizzle-orm';
import type { Db } from '../../db/client.js';
import { catalogItems, settings, smsOutbox } from '../../db/schema.js';
import { COLLECTIONS } from '../../domain/catalog.js';
import { HoldfastError } from '../../domain/errors.js';
import { NEXT_ACTIONS } from '../../domain/next-actions.js';
import { resolveVariables, variablesIn } from '../../domain/variables.js';
import { type Step, finishStep, stepActivity, storeResolved } from './step.js';

/** Type 2: a message from a template. The row in the outbox comes first and carries the step's key. */
export const sendSms = (db: Db) =>
  stepActivity(db, async (step) => {
    const message = await resolvedMessage(db, step);
    const template = await templateOf(db, message.smsId);
    const params = fill(template.params, message.postJsonString ?? {});
    // The outbox provider hands over at once, so the message, its id and the step's success are one transaction.
    await db.transaction(async (tx) => {
      const id = randomBytes(12).toString('hex');
      await tx
        .insert(smsOutbox)
        .values({
          id,
          key: step.input.key,
          orderNo: step.input.orderNo,
          path: step.input.path,
          smsId: message.smsId,
          provider: template.provider,
          mobile: message.mobile,
          sign: template.sign,
          template: template.template,
          params,
          status: 'sent',
          providerMessageId: `outbox-${id}`,
          sentAt: new Date(),
        })
        .onConflictDoNothing({ target: smsOutbox.key });
      await finishStep(tx, step);
    });
  });

/** Variables are read just before the step runs, stored with it, and used again by every retry. */
async function resolvedMessage(db: Db, step: Step) {
  const stored = step.row.resolved ?? (await resolve(db, step));
  const checked = NEXT_ACTIONS.sendSms.resolved.safeParse(stored);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new HoldfastError('missing_parameter', {
    message: `the value of ${issue?.path.join('.') ?? 'a parameter'} cannot be used once its variables are read`,
  });
}

async function resolve(db: Db, step: Step): Promise<Record<string, unknown>> {
  const keys = variablesIn(step.row.parameters);
  const rows = keys.length === 0 ? [] : await db.select().from(settings).where(inArray(settings.key, keys));
  const known = new Map(rows.map((row) => [row.key, row.value]));
  const missing = keys.find((key) => !known.has(key));
  if (missing !== undefined) {
    throw new HoldfastError('missing_setting', {
      message: `there is no system parameter ${missing}`,
      details: { key: missing },
    });
  }
  const resolved = resolveVariables(step.row.parameters, known) as Record<string, unknown>;
  if (keys.length > 0) await storeResolved(db, step, resolved);
  return resolved;
}

async function templateOf(db: Db, smsId: string) {
  const [item] = await db
    .select()
    .from(catalogItems)
    .where(and(eq(catalogItems.collection, 'sms-templates'), eq(catalogItems.id, smsId)));
  if (item === undefined) {
    throw new HoldfastError('missing_thing', {
      message: `there is no sms-templates/${smsId}`,
      details: { collection: 'sms-templates', id: smsId },
    });
  }
  return COLLECTIONS['sms-templates'].fields.parse(item.body);
}

/** A provider takes text alone, and refuses a message with a parameter too few. */
function fill(params: readonly string[], values: Record<string, unknown>): Record<string, string> {
  const missing = params.find((name) => values[name] === undefined || values[name] === null);
  if (missing !== undefined) {
    throw new HoldfastError('missing_parameter', {
      message: `the template wants a value for ${missing}`,
      details: { parameter: missing },
    });
  }
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}
