/** The dialects that are served beside the native API. To add one: its folder, and its row here. */
import type { Endpoint } from '../endpoint.js';
import { CAMPUS_PREFIX } from './campus/call.js';
import { toCampusError } from './campus/errors.js';
import { campusEndpoints } from './campus/routes.js';
import { COURSE_PREFIXES } from './course/call.js';
import { toCourseError } from './course/errors.js';
import { courseEndpoints } from './course/routes.js';
import { isFactoryPath } from './factory/call.js';
import { toFactoryError } from './factory/errors.js';
import { factoryEndpoints } from './factory/routes.js';
import { toMarketError } from './market/errors.js';
import { marketEndpoints } from './market/routes.js';

interface Dialect {
  name: string;
  /** Whether a path is this dialect's, known or not. */
  owns: (path: string) => boolean;
  endpoints: readonly Endpoint[];
  answerError: NonNullable<Endpoint['answerError']>;
}

const under =
  (...prefixes: readonly string[]): Dialect['owns'] =>
  (path) =>
    prefixes.some((prefix) => path.startsWith(prefix));

const DIALECTS: readonly Dialect[] = [
  { name: 'campus', owns: under(CAMPUS_PREFIX), endpoints: campusEndpoints, answerError: toCampusError },
  { name: 'course', owns: under(...COURSE_PREFIXES), endpoints: courseEndpoints, answerError: toCourseError },
  { name: 'factory', owns: isFactoryPath, endpoints: factoryEndpoints, answerError: toFactoryError },
  { name: 'market', owns: under('/api/v1/'), endpoints: marketEndpoints, answerError: toMarketError },
];

export const dialectEndpoints: readonly Endpoint[] = DIALECTS.flatMap(({ endpoints }) => endpoints);

/** How errors are answered at a path that is no route; undefined: as the native API does. */
export function errorShapeAt(path: string): Endpoint['answerError'] {
  return DIALECTS.find(({ owns }) => owns(path))?.answerError;
}
