/** Runs a schema over what was sent, and says what is wrong with which field. */
import { z } from 'zod';
import { type Place, type Problem, assertSound, invalid, parseJson } from './json.js';

/** The schema inside of what only says "may be left out" or "read first". */
function core(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return core(schema.def.innerType);
  }
  return schema instanceof z.ZodPipe ? core(schema.def.in) : schema;
}

function fromText(schema: z.core.$ZodType, sent: string | string[]): unknown {
  const wanted = core(schema);
  if (wanted instanceof z.ZodArray) return Array.isArray(sent) ? sent : arrayFrom(sent);
  if (typeof sent !== 'string') return sent;
  // Canonical decimal digits only: `0x10`, `1e3`, ` 1` and full-width digits stay texts, which the schema refuses.
  if (wanted instanceof z.ZodNumber && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(sent)) return Number(sent);
  if (wanted instanceof z.ZodBoolean && (sent === 'true' || sent === 'false')) return sent === 'true';
  if (wanted instanceof z.ZodObject || wanted instanceof z.ZodRecord)
    return sent.startsWith('{') ? parseJson(sent) : sent;
  return sent;
}

function arrayFrom(sent: string): unknown {
  return sent.startsWith('[') ? parseJson(sent) : [sent];
}

/** Queries and forms have only texts: each is read as what the schema of its field wants. */
function fromForm(schema: z.ZodType, form: object): unknown {
  const wanted = core(schema);
  if (!(wanted instanceof z.ZodObject)) return form;
  const shape: Readonly<Record<string, z.core.$ZodType>> = wanted.shape;
  return Object.fromEntries(
    Object.entries(form).map(([name, sent]: [string, string | string[]]) => {
      const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
      return [name, field === undefined ? sent : fromText(field, sent)];
    }),
  );
}

/** A failed union says nothing by itself: what its first branch found is more help. */
function messageOf(issue: z.core.$ZodIssue): string {
  const inner =
    issue.code === 'invalid_union' && issue.message === 'Invalid input' ? issue.errors.flat()[0] : undefined;
  return (inner?.message ?? issue.message).replace(/^Invalid input: /, '');
}

function problemOf({ code, path }: z.core.$ZodIssue, sent: unknown): Problem {
  if (code !== 'invalid_type' && code !== 'invalid_union') return 'value';
  const found = path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    sent,
  );
  return found === undefined || found === null ? 'missing' : 'type';
}

/**
 * @param form whether the values are texts that the schema may read as numbers and the like
 * @throws HoldfastError `invalid_request` with `details.field`
 */
export function parseWith<T extends z.ZodType>(
  schema: T,
  sent: unknown,
  place: Place,
  form: boolean,
): z.output<T> {
  const value = form && typeof sent === 'object' && sent !== null ? fromForm(schema, sent) : sent;
  const checked = schema.safeParse(value);
  if (checked.success) {
    assertSound(checked.data, place);
    return checked.data;
  }
  const [issue] = checked.error.issues;
  if (issue === undefined) throw invalid(place, '', 'is not valid');
  throw invalid(place, issue.path.map(String).join('.'), messageOf(issue), problemOf(issue, value));
}
