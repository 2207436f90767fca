/**
 * The nextAction types (wire.md, section 5): one row each. A new type is a row here, a file in
 * `activities/next-actions/`, and a line in its registry; the compiler names what is missing.
 */
import { z } from 'zod';
import { isObject, variable, wellFormedValues } from './variables.js';

const NUMERIC_ID = 'must be the numeric id (digits only, not the OD... number)';
const positiveNumber = z.number(NUMERIC_ID).int(NUMERIC_ID).positive(NUMERIC_ID).max(Number.MAX_SAFE_INTEGER);

/** Ids of shop orders and their like are positive integers; the long `OD...` number is another thing. */
const numericId = z
  .union([positiveNumber, z.string().regex(/^[1-9]\d{0,15}$/, NUMERIC_ID)], { error: NUMERIC_ID })
  .transform(String);

/** A comma list such as `77,88,99`: each id becomes a step of its own. */
const numericIdList = z
  .union([positiveNumber, z.string().max(1000)], {
    error: 'must be a numeric id, or several separated by commas',
  })
  .transform((ids): (string | number)[] => String(ids).split(','))
  .pipe(
    z
      .array(numericId)
      .min(1)
      .refine((ids) => new Set(ids).size === ids.length, 'names an id twice'),
  );

const mobile = z
  .union([z.string(), z.number().int().positive().max(Number.MAX_SAFE_INTEGER)])
  .transform(String)
  .pipe(z.string().regex(/^\+?\d{5,20}$/, 'must be a phone number: 5 to 20 digits'));

// Not z.record, which drops a key named __proto__ where this should be refused.
const anyObject = z.custom<Record<string, unknown>>(isObject, 'must be an object or the JSON of one');

/** The values of a template: an object, or the JSON text of one. */
const templateValues = z
  .union([anyObject, z.string().max(20_000)])
  .transform((given, context): unknown => {
    if (typeof given !== 'string') return given;
    try {
      return JSON.parse(given);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be an object or the JSON of one' });
      return z.NEVER;
    }
  })
  .pipe(anyObject.superRefine((given, context) => wellFormedValues(given, context)));

export const NEXT_ACTIONS = {
  /** Pays pending shop orders from the payer's balance; they become paid. */
  payShopOrder: { type: 0, parameters: z.object({ id: numericIdList }), listField: 'id' },
  /** Sends template smsId. Any value may be a variable, read from the settings just before the step runs. */
  sendSms: {
    type: 2,
    parameters: z.object({
      smsId: z.union([numericId, variable]),
      mobile: z.union([mobile, variable]),
      postJsonString: templateValues.optional(),
    }),
    resolved: z.object({
      smsId: numericId,
      mobile,
      postJsonString: z.record(z.string(), z.unknown()).optional(),
    }),
  },
} as const satisfies Record<string, ActionDefinition>;

export interface ActionDefinition {
  type: number;
  parameters: z.ZodType<Record<string, unknown>>;
  /** The field whose comma list makes one step per id. */
  listField?: string;
  /** Present where parameters may hold variables: what they must be once those are resolved. */
  resolved?: z.ZodType<Record<string, unknown>>;
}

export type ActionName = keyof typeof NEXT_ACTIONS;
export type ActionType = (typeof NEXT_ACTIONS)[ActionName]['type'];
export const ACTION_NAMES = Object.keys(NEXT_ACTIONS) as ActionName[];

/** Looks a type up by its number; undefined for one that does not exist. */
export function actionName(type: unknown): ActionName | undefined {
  return ACTION_NAMES.find((name) => NEXT_ACTIONS[name].type === type);
}

export function definitionOf(name: ActionName): ActionDefinition {
  return NEXT_ACTIONS[name];
}
