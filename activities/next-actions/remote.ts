/** Steps that a merchant's own system carries out: a signed call, under the step's key, until a 2xx answers. */
import { crashPoint } from '../../crash-points.js';
import { type ActionEndpointRow, actionEndpointOf, actionSecretPlace } from '../../db/action-endpoints.js';
import type { Db } from '../../db/client.js';
import { HoldfastError } from '../../domain/errors.js';
import { type ActionName, NEXT_ACTIONS } from '../../domain/next-actions.js';
import { type Outcome, type Outgoing, createOutgoing } from '../../outgoing/post.js';
import { signedHeaders } from '../../outgoing/signature.js';
import { openText } from '../../temporal/key-ring.js';
import { type Step, type StepInput, finishStep, stepActivity } from './step.js';
import { resolvedParameters } from './variables.js';

export interface RemoteCalls {
  outgoing: Outgoing;
  payloadKey: string | undefined;
}

export const PUBLIC_ONLY: RemoteCalls = {
  outgoing: createOutgoing({ allowPrivate: false }),
  payloadKey: undefined,
};

/** 4xx that say "later" rather than "no". */
const LATER = new Set([408, 425, 429]);

/** The built-in action, unless its type is routed elsewhere at the moment of the try. */
export function routed(
  db: Db,
  remote: RemoteCalls,
  name: ActionName,
  builtIn: (input: StepInput) => Promise<void>,
) {
  return async (input: StepInput): Promise<void> => {
    const endpoint = await actionEndpointOf(db, NEXT_ACTIONS[name].type);
    return endpoint === null ? builtIn(input) : callEndpoint(db, remote, endpoint)(input);
  };
}

const callEndpoint = (db: Db, { outgoing, payloadKey }: RemoteCalls, endpoint: ActionEndpointRow) =>
  stepActivity(db, async (step) => {
    const { type, url, timeoutMs } = endpoint;
    const body = JSON.stringify(await messageOf(db, step));
    const secret = openText(payloadKey, endpoint.secret, actionSecretPlace(type));
    const headers = signedHeaders({ id: step.input.key, body }, [secret], new Date());
    assertDone(await outgoing.post({ url, headers, body, timeoutMs }), type);
    crashPoint('action endpoint: answered');
    await db.transaction((tx) => finishStep(tx, step));
  });

/** The same on every try, as the key that stands beside it says. */
async function messageOf(db: Db, step: Step): Promise<object> {
  const { order, row, input } = step;
  return {
    type: `action.${row.name}`,
    timestamp: row.startedAt?.toISOString(),
    data: {
      orderId: order.id,
      orderNo: input.orderNo,
      payerId: order.buyerId,
      path: input.path,
      type: row.type,
      name: row.name,
      parameters: await resolvedParameters(db, step),
    },
  };
}

/** @throws HoldfastError `action_refused`, which parks; `unavailable`, which is tried again */
function assertDone(outcome: Outcome, type: number): void {
  if (outcome.answered && outcome.status >= 200 && outcome.status < 300) return;
  const details = { type };
  if (outcome.answered && outcome.status >= 400 && outcome.status < 500 && !LATER.has(outcome.status)) {
    throw new HoldfastError('action_refused', {
      message: `the endpoint of type ${type} answered ${outcome.status}`,
      details: { ...details, status: outcome.status },
    });
  }
  const what = outcome.answered ? `answered ${outcome.status}` : `did not answer: ${outcome.message}`;
  throw new HoldfastError('unavailable', { message: `the endpoint of type ${type} ${what}`, details });
}
