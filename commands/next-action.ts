import JSON5 from 'json5';
import { type ChainStep, flattenNextAction } from '../domain/chain.js';
import { HoldfastError } from '../domain/errors.js';

const MAX_TEXT = 16 * 1024;

/**
 * Reads a nextAction as callers send it: an object, a JSON string, or the JavaScript-literal style of the source
 * document (JSON5). It is parsed, never evaluated.
 * @throws HoldfastError `invalid_next_action`, naming the place
 */
export function parseNextAction(given: unknown): ChainStep[] {
  return flattenNextAction(typeof given === 'string' ? parseText(given) : given);
}

function parseText(text: string): unknown {
  const refused = (message: string, cause?: unknown): HoldfastError =>
    new HoldfastError('invalid_next_action', { message, details: { path: 'nextAction' }, cause });
  if (text.length > MAX_TEXT) throw refused(`nextAction is longer than ${MAX_TEXT} characters`);
  try {
    const tree: unknown = JSON5.parse(text);
    if (tree !== null) return tree;
  } catch (error) {
    throw refused('nextAction is neither JSON nor a plain object literal', error);
  }
  throw refused('nextAction must be an object');
}
