/** What the log and the metrics say of a request, filled in while it is served. */
import type { IncomingMessage } from 'node:http';

export interface RequestFacts {
  /** The route's pattern, such as `/v1/users/:id`; never the path, which would make a metric per user. */
  route: string;
  address?: string | undefined;
  caller?: string;
  /** A digest: the key itself may be anything, also a secret. */
  idempotencyKey?: string;
}

const known = new WeakMap<IncomingMessage, RequestFacts>();

export function factsOf(request: IncomingMessage): RequestFacts {
  const facts = known.get(request) ?? { route: 'unmatched' };
  known.set(request, facts);
  return facts;
}
