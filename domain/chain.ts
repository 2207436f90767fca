/** From the tree of an order's nextAction to its flat chain of steps, in the order in which they run. */
import { z } from 'zod';
import { HoldfastError } from './errors.js';
import { type ActionName, type ActionType, NEXT_ACTIONS, actionName, definitionOf } from './next-actions.js';
import { isObject } from './variables.js';

export const MAX_CHAIN_DEPTH = 10;
export const MAX_CHAIN_STEPS = 50;

export interface ChainStep {
  /** `0` the outermost, `0.0` the one nested in it, `0:77` an item of a list. */
  path: string;
  type: ActionType;
  name: ActionName;
  parameters: Record<string, unknown>;
}

function refuse(at: string, message: string): never {
  throw new HoldfastError('invalid_next_action', { message: `${at} ${message}`, details: { path: at } });
}

/** Checks one step's parameters. @throws HoldfastError `invalid_next_action`, naming the field */
function checkParameters(name: ActionName, given: unknown, at: string): Record<string, unknown> {
  const { parameters, listField } = definitionOf(name);
  const checked = parameters.safeParse(given);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  const path = issue?.path ?? [];
  // The ids of a comma list were one field for the caller, without positions.
  const place = path[0] === listField ? path.slice(0, 1) : path;
  return refuse([at, ...place.map(String)].join('.'), issue === undefined ? 'is not valid' : readable(issue));
}

const TELLS_LITTLE = 'Invalid input';

/** A union's own words are the general ones; what one of its members says helps more. */
function readable(issue: z.core.$ZodIssue): string {
  if (!issue.message.startsWith(TELLS_LITTLE) || issue.code !== 'invalid_union') return issue.message;
  const told = issue.errors.flat().map(readable);
  return told.find((message) => !message.startsWith(TELLS_LITTLE)) ?? issue.message;
}

function stepsOf(name: ActionName, parameters: Record<string, unknown>, path: string): ChainStep[] {
  const { type } = NEXT_ACTIONS[name];
  const { listField } = definitionOf(name);
  const ids = listField === undefined ? undefined : (parameters[listField] as string[] | undefined);
  if (listField === undefined || ids === undefined) return [{ path, type, name, parameters }];
  return ids.map((id) => ({
    // A single id is the step itself; only a list needs to say which of its items is meant.
    path: ids.length === 1 ? path : `${path}:${id}`,
    type,
    name,
    parameters: { ...parameters, [listField]: id },
  }));
}

/**
 * Validates the whole tree, before anything is stored.
 * @param tree the nextAction as an object, already read from JSON or JSON5
 * @throws HoldfastError `invalid_next_action` whose message and `details.path` name the place, such as
 *   `nextAction.nextAction.smsId`
 */
export function flattenNextAction(tree: unknown): ChainStep[] {
  const steps: ChainStep[] = [];
  let node: unknown = tree;
  let at = 'nextAction';
  let path = '0';
  for (let depth = 1; node !== undefined && node !== null; depth++) {
    if (depth > MAX_CHAIN_DEPTH) refuse(at, `is nested deeper than ${MAX_CHAIN_DEPTH}`);
    if (!isObject(node)) refuse(at, 'must be an object');
    const { type, nextAction, ...given } = node;
    const name = actionName(type);
    if (name === undefined) return refuse(`${at}.type`, 'is not a known type');
    steps.push(...stepsOf(name, checkParameters(name, given, at), path));
    if (steps.length > MAX_CHAIN_STEPS) refuse(at, `brings the chain over ${MAX_CHAIN_STEPS} steps`);
    node = nextAction;
    at = `${at}.nextAction`;
    path = `${path}.0`;
  }
  return steps;
}

/**
 * Validates the new parameters of one parked step; its type stays.
 * @throws HoldfastError `invalid_next_action`
 */
export function editedParameters(name: ActionName, given: unknown): Record<string, unknown> {
  if (!isObject(given)) refuse('parameters', 'must be an object');
  const [step, ...others] = stepsOf(name, checkParameters(name, given, 'parameters'), '0');
  if (step === undefined || others.length > 0) return refuse('parameters', 'must name exactly one id');
  return step.parameters;
}
