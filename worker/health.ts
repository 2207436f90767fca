/** Whether the worker runs, and whether what it works with answers: for supervisors and operators. */
import { type Server, createServer } from 'node:http';
import type { Db } from '../db/client.js';
import { databaseAnswers } from '../db/probe.js';
import type { Temporal } from '../temporal/connect.js';

const PROBE_MS = 1_000;

export interface HealthParts {
  db: Db;
  connection: Temporal['connection'];
  /** The worker's own word: RUNNING, DRAINING and so on. */
  state: () => string;
}

async function outcome(probe: Promise<unknown>, otherwise: string): Promise<string> {
  return probe.then(
    () => 'ok',
    () => otherwise,
  );
}

/** `/healthz`: the process does its work. `/readyz`: so do PostgreSQL and Temporal, or what does not. */
export function healthServer({ db, connection, state }: HealthParts): Server {
  async function readiness() {
    const [database, temporal] = await Promise.all([
      outcome(databaseAnswers(db, PROBE_MS), 'the database does not answer'),
      outcome(
        connection.withDeadline(Date.now() + PROBE_MS, () => connection.workflowService.getSystemInfo({})),
        'Temporal does not answer',
      ),
    ]);
    const worker = state() === 'RUNNING' ? 'ok' : `the worker is ${state()}`;
    const isReady = [database, temporal, worker].every((found) => found === 'ok');
    return { isReady, status: isReady ? 'ready' : 'not_ready', checks: { database, temporal, worker } };
  }

  return createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/healthz') answer(state() === 'RUNNING' ? 200 : 503, { status: state() });
    else if (request.url !== '/readyz') answer(404, { error: 'there are /healthz and /readyz' });
    else void readiness().then(({ isReady, ...body }) => answer(isReady ? 200 : 503, body));
  });
}
