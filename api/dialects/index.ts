/** The dialects that are served beside the native API. To add one: its folder, and its row here. */
import type { Endpoint } from '../endpoint.js';
import { toMarketError } from './market/errors.js';
import { marketEndpoints } from './market/routes.js';

interface Dialect {
  name: string;
  /** Of every path that is this dialect's, known or not. */
  prefix: string;
  endpoints: readonly Endpoint[];
  answerError: NonNullable<Endpoint['answerError']>;
}

const DIALECTS: readonly Dialect[] = [
  { name: 'market', prefix: '/api/v1/', endpoints: marketEndpoints, answerError: toMarketError },
];

export const dialectEndpoints: readonly Endpoint[] = DIALECTS.flatMap(({ endpoints }) => endpoints);

/** How errors are answered at a path that is no route; undefined: as the native API does. */
export function errorShapeAt(path: string): Endpoint['answerError'] {
  return DIALECTS.find(({ prefix }) => path.startsWith(prefix))?.answerError;
}
