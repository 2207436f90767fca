import { type SmsProviders, smsProviderNamed } from '../../channels/sms.js';
import type { Db } from '../../db/client.js';
import { smsOutbox } from '../../db/schema.js';
import { HoldfastError } from '../../domain/errors.js';
import { NEXT_ACTIONS } from '../../domain/next-actions.js';
import { deliverSms, wasSentAfterAll } from './sms-delivery.js';
import { type NewSms, type SmsRow, draftOf, insertSms, roundOf, smsOfRound } from './sms-rows.js';
import { type Step, finishStep, stepActivity } from './step.js';
import { findThing } from './things.js';
import { resolvedParameters } from './variables.js';

/** Type 2: a message from a template. The row in the outbox comes first and carries the step's key. */
export const sendSms = (db: Db, providers: SmsProviders) =>
  stepActivity(db, async (step) => {
    const round = await roundOf(db, step);
    const known = await smsOfRound(db, step, round);
    if (known === undefined) {
      const draft = draftOf(step, round, await messageOf(db, step));
      if (draft.provider === 'outbox') return sendByOutbox(db, step, draft);
      // Named before there is a row, so that credentials which are missing park the step with nothing behind it.
      const provider = smsProviderNamed(providers, draft.provider);
      if (!(await wasSentAfterAll(db, provider, draft))) {
        await deliverSms(db, provider, await insertSms(db, draft));
      }
    } else if (known.status !== 'sent') {
      await deliverSms(db, smsProviderNamed(providers, known.provider), known);
    }
    // The message is on record as sent before this: a step that was parked meanwhile does not undo that.
    await db.transaction((tx) => finishStep(tx, step));
  });

/** The outbox takes a message at once, so the message, its id and the step's success are one transaction. */
async function sendByOutbox(db: Db, step: Step, draft: NewSms): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .insert(smsOutbox)
      .values({ ...draft, status: 'sent', providerMessageId: `outbox-${draft.id}`, sentAt: new Date() })
      .onConflictDoNothing({ target: smsOutbox.key });
    await finishStep(tx, step);
  });
}

/** What is to be sent, with all its variables read. */
async function messageOf(
  db: Db,
  step: Step,
): Promise<Pick<SmsRow, 'smsId' | 'mobile' | 'provider' | 'sign' | 'template' | 'params' | 'paramNames'>> {
  const { smsId, mobile, postJsonString = {} } = await resolvedMessage(db, step);
  const { body } = await findThing(db, 'sms-templates', smsId);
  const { provider, sign, template, params: paramNames } = body;
  return { smsId, mobile, provider, sign, template, paramNames, params: fill(paramNames, postJsonString) };
}

async function resolvedMessage(db: Db, step: Step) {
  const stored = await resolvedParameters(db, step);
  const checked = NEXT_ACTIONS.sendSms.resolved.safeParse(stored);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new HoldfastError('missing_parameter', {
    message: `the value of ${issue?.path.join('.') ?? 'a parameter'} cannot be used once its variables are read`,
  });
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
