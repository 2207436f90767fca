/** A good client: it repeats what got no answer, with the same Idempotency-Key, until there is one. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Answer, Http } from '../e2e/http.js';

/** How long a client goes on before it gives up: longer than any outage of a run. */
const GIVES_UP_AFTER_MS = 180_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 1_500;

export interface Tally {
  /** Tries without an answer: refused, reset or cut off. */
  unanswered: number;
  /** Answers that say "later": 503, 429, a first try that is still under way. */
  later: number;
  /** What no outage excuses: an answer of 500, with its body. */
  internal: string[];
  /** Refusals for a reason that is not so by what the order itself shows: they should have said "later". */
  contradictions: string[];
}

export const newTally = (): Tally => ({ unanswered: 0, later: 0, internal: [], contradictions: [] });

export interface GoodClient {
  get<T>(path: string): Promise<Answer<T>>;
  put<T>(path: string, body: unknown): Promise<Answer<T>>;
  /** @param token of a user; without it the back end itself calls */
  post<T>(path: string, body?: unknown, token?: string): Promise<Answer<T>>;
  delete<T>(path: string): Promise<Answer<T>>;
  readonly tally: Tally;
}

/** The stable code of a refusal; of the API, or of the sandbox's control API. */
export function codeOf(answer: Answer<unknown>): string | undefined {
  const body = answer.body as { code?: string; error?: { code?: string } } | undefined;
  return body?.code ?? body?.error?.code;
}

/** What an answer that was not wanted says, for a failing journey. */
export function surprise(what: string, answer: Answer<unknown>): Error {
  return new Error(`${what} was answered with ${answer.status} ${JSON.stringify(answer.body)}`);
}

export function goodClient(http: Http, tally: Tally): GoodClient {
  const isLater = (answer: Answer<unknown>): boolean =>
    [503, 429].includes(answer.status) || codeOf(answer) === 'idempotency_in_progress';

  /** @throws Error with the last failure when the client has given up */
  async function persist<T>(what: string, call: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const end = performance.now() + GIVES_UP_AFTER_MS;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
      let last: unknown;
      try {
        const answer = await call();
        if (answer.status < 500 && !isLater(answer)) return answer;
        last = surprise(what, answer);
        if (isLater(answer)) tally.later += 1;
        else tally.internal.push(String(last));
      } catch (error) {
        tally.unanswered += 1;
        last = error;
      }
      if (performance.now() > end) throw new Error(`${what}: no answer in time`, { cause: last });
      await pause(pauseMs);
    }
  }

  return {
    tally,
    get: (path) => persist(`GET ${path}`, () => http.get(path)),
    put: (path, body) => persist(`PUT ${path}`, () => http.put(path, body)),
    post: (path, body, token) => {
      const options = { idempotencyKey: randomUUID(), ...(token !== undefined && { token }) };
      return persist(`POST ${path}`, () => http.post(path, body, options));
    },
    delete: (path) => persist(`DELETE ${path}`, () => http.delete(path)),
  };
}
