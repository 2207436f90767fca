/** From a declaration to a served route: who is calling, what was sent, the handler, the answer. */
import { createHash } from 'node:crypto';
import type express from 'express';
import { callerKey } from '../commands/credentials.js';
import { HoldfastError } from '../domain/errors.js';
import { type AccessRule, allows } from './access.js';
import { addressOf } from './address.js';
import { type SentBody, parseBody, readBytes } from './body.js';
import { type Identified, headerCredentials, identify } from './callers.js';
import type { DatabaseWatch } from './database-watch.js';
import { type Answer, type Context, type Endpoint, type RawInput, rawBytes } from './endpoint.js';
import { toHoldfastError } from './failures.js';
import { idempotencyKeyOf, onceOnly } from './idempotency.js';
import { parseForm } from './json.js';
import type { RateLimiter } from './rate-limit.js';
import { factsOf } from './request-facts.js';
import type { Services } from './services.js';
import { toProblem } from './v1/errors.js';

/** What stands around every route of one app. */
export interface Edge {
  services: Services;
  watch: DatabaseWatch;
  limit: RateLimiter;
}

interface Served {
  edge: Edge;
  endpoint: Endpoint;
  request: express.Request;
  response: express.Response;
}

export function mountEndpoint(app: express.Express, edge: Edge, endpoint: Endpoint): void {
  app[endpoint.method](endpoint.path, async (request, response, next) => {
    if (endpoint.accepts?.(request.params, edge.services) === false) {
      next();
      return;
    }
    factsOf(request).route = endpoint.path;
    const served = { edge, endpoint, request, response };
    let finished = false;
    const work = answerTo(served).finally(() => {
      finished = true;
    });
    const answer = await settled(served, endpoint.ownDeadline === true ? work : edge.watch.guard(work));
    if (!finished) {
      // The caller hears "unavailable" now; what becomes of the work is said in the log.
      work.catch((error: unknown) =>
        request.log.warn({ err: error }, 'failed after its answer was given up'),
      );
    }
    await sendAnswer(request, response, answer);
  });
}

async function answerTo(served: Served): Promise<Answer> {
  const { edge, endpoint, request } = served;
  const early = endpoint.credentials === undefined ? undefined : await readFirst(served);
  const identified = await admit(served, early?.raw);
  const { raw, bytes } = early ?? (await readInput(served));
  const idempotencyKey = takesKey(endpoint)
    ? idempotencyKeyOf(request.headers['idempotency-key'])
    : undefined;
  const run = endpoint.prepare(raw);
  const context: Context = {
    services: edge.services,
    caller: identified?.caller,
    requestId: requestIdOf(request),
    address: addressOf(request),
    idempotencyKey,
    headers: request.headers,
    sent: { query: queryOf(request), bytes },
    log: request.log,
  };
  if (idempotencyKey === undefined || identified === undefined) return run(context);
  factsOf(request).idempotencyKey = createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 16);
  const repeatable = {
    caller: callerKey(identified.caller),
    key: idempotencyKey,
    credential: identified.credential,
    method: endpoint.method,
    url: request.originalUrl,
    body: raw.body.value,
    secretAnswer: endpoint.secretAnswer === true,
  };
  return onceOnly(edge.services.db, repeatable, () => settled(served, run(context)));
}

interface Received {
  raw: RawInput;
  bytes: Buffer;
}

async function readInput(served: Served): Promise<Received> {
  const { endpoint, request, response } = served;
  const query = parseForm(queryOf(request), 'query');
  const hasBody = endpoint.method !== 'get' && endpoint.method !== 'delete';
  const bytes = hasBody ? await readBytes(request, response) : Buffer.alloc(0);
  const body = hasBody ? readBody(endpoint, bytes, request.headers['content-type']) : NO_BODY;
  return { raw: { params: request.params, query, body }, bytes };
}

const NO_BODY: SentBody = { value: undefined, form: false };

function readBody({ body }: Endpoint, bytes: Buffer, contentType: string | undefined): SentBody {
  return body === rawBytes ? { value: bytes, form: false } : parseBody(bytes, contentType);
}

/** Nobody hears what is wrong with a body before it is known who they are, as far as headers tell. */
async function readFirst(served: Served): Promise<Received> {
  try {
    return await readInput(served);
  } catch (error) {
    await admit(served, undefined);
    throw error;
  }
}

/** Every POST of the native API takes one (wire.md, section 6). */
export function takesKey(endpoint: Pick<Endpoint, 'method' | 'path'>): boolean {
  return endpoint.method === 'post' && endpoint.path.startsWith('/v1/');
}

/** Identity first, then the limit, then the rule: a refused credential counts against its address. */
async function admit(
  { edge, endpoint, request, response }: Served,
  early: RawInput | undefined,
): Promise<Identified | undefined> {
  const { config, db } = edge.services;
  if (endpoint.access.kind === 'public') {
    if (endpoint.unlimited !== true) await edge.limit(request, response, undefined);
    return undefined;
  }
  let identified: Identified | undefined;
  try {
    const beside = early === undefined ? [] : (endpoint.credentials?.(early, request.headers) ?? []);
    identified = await identify(db, config.adminApiKey, [...headerCredentials(request), ...beside]);
  } catch (error) {
    if (toHoldfastError(error).code === 'unauthenticated') await edge.limit(request, response, undefined);
    throw error;
  }
  await edge.limit(request, response, identified?.caller);
  if (identified === undefined) {
    if (mayBeAnonymous(endpoint.access, config.takesDocumentedCalls)) return undefined;
    throw new HoldfastError('unauthenticated', {
      message: 'send Authorization: Bearer <API key or access token>',
    });
  }
  factsOf(request).caller = callerKey(identified.caller);
  if (!allows(endpoint.access, identified.caller, request.params)) {
    throw new HoldfastError('forbidden', { message: 'this credential does not allow that' });
  }
  return identified;
}

function mayBeAnonymous(rule: AccessRule, takesDocumentedCalls: boolean): boolean {
  if (rule.kind !== 'acting') return false;
  return rule.mayBeLeftOut === 'password' || (rule.mayBeLeftOut === 'documented' && takesDocumentedCalls);
}

function queryOf(request: express.Request): string {
  const cut = request.originalUrl.indexOf('?');
  return cut < 0 ? '' : request.originalUrl.slice(cut + 1);
}

function requestIdOf(request: express.Request): string {
  return typeof request.id === 'string' ? request.id : '';
}

/** Work's answer, or its error as an answer; what is our fault is left for the log. */
async function settled(
  { edge, endpoint, request, response }: Served,
  work: Promise<Answer>,
): Promise<Answer> {
  try {
    const answer = await work;
    if (edge.services.checkAnswers === true) checkAnswer(endpoint, answer);
    return answer;
  } catch (error) {
    return errorAnswer(error, request, response, endpoint.answerError);
  }
}

export function errorAnswer(
  thrown: unknown,
  request: express.Request,
  response: express.Response,
  shape: Endpoint['answerError'] = toProblem,
): Answer {
  const error = toHoldfastError(thrown);
  const answer = shape(error, requestIdOf(request));
  // pino-http logs what it finds here, with its causes.
  if (answer.status >= 500) Object.assign(response, { err: error });
  return answer;
}

/** An answer that is not what the documentation promises is a bug of ours. */
function checkAnswer(endpoint: Endpoint, answer: Answer): void {
  if (answer.status >= 400) return;
  const spec = endpoint.responses[answer.status];
  if (spec === undefined) throw new Error(`${endpoint.path} does not declare status ${answer.status}`);
  const checked = spec.schema?.safeParse(answer.body);
  if (checked?.success === false) throw new Error(`${endpoint.path} answered: ${checked.error.message}`);
}

export async function sendAnswer(
  request: express.Request,
  response: express.Response,
  answer: Answer,
): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  response.status(answer.status);
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (answer.send !== undefined) {
    await answer.send(request, response);
    return;
  }
  if (answer.body === undefined) {
    response.end();
    return;
  }
  const contentType = String(
    response.getHeader('Content-Type') ?? answer.contentType ?? 'application/json; charset=utf-8',
  );
  response.setHeader('Content-Type', contentType);
  const isText = typeof answer.body === 'string' && !/\bjson\b/.test(contentType);
  response.end(isText ? answer.body : JSON.stringify(answer.body));
}
