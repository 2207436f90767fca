/** What must hold of the workflows: as Temporal tells their histories, beside what PostgreSQL has. */
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal as protos } from '@temporalio/proto';
import type postgres from 'postgres';
import { type Check, type Violation, runChecks } from './verdict-run.js';

const AT_ONCE = 8;

/** T1 and T4 as PostgreSQL tells them: effects by their keys, and what was told to a workflow. */
export const HISTORY_CHECKS: readonly Check[] = [
  {
    promise: 'T1',
    name: 'a charging step charges once',
    sql: `SELECT s.order_no AS about, 'step ' || s.path || ' is ' || s.status || ' with ' || e.charges || ' charges, and ' ||
                 e.things || ' things say that it paid them' AS what
            FROM action_steps s JOIN orders o USING (order_no)
            CROSS JOIN LATERAL (
              SELECT (SELECT count(*) FROM postings p WHERE p.kind = 'charge' AND p.key = s.order_no || ':' || s.path) AS charges,
                     (SELECT count(*) FROM catalog_items c WHERE c.collection = 'shop-orders' AND c.status = 'paid'
                         AND c.id = s.parameters ->> 'id' AND c.paid_by_order_id = o.id) AS things) AS e
           WHERE s.name = 'payShopOrder'
             AND (e.charges <> CASE WHEN s.status = 'succeeded' THEN 1 ELSE 0 END OR e.things < e.charges)`,
  },
  {
    promise: 'T1',
    name: 'a charge is what its thing costs',
    sql: `SELECT p.order_no AS about, 'charge ' || p.key || ' took ' || m.amount || ' for a thing of ' ||
                 COALESCE(c.body ->> 'amount', 'no price') AS what
            FROM postings p
            CROSS JOIN LATERAL (SELECT COALESCE(sum(amount) FILTER (WHERE amount > 0), 0) AS amount
                                  FROM entries WHERE posting_id = p.id AND account = 'platform:sales') AS m
            LEFT JOIN action_steps s ON p.key = s.order_no || ':' || s.path
            LEFT JOIN catalog_items c ON (c.collection = 'shop-orders' AND c.id = s.parameters ->> 'id')
                 OR (c.collection = 'membership-prices' AND c.id = s.parameters ->> 'userLevelPriceId')
           WHERE p.kind = 'charge' AND (c.body ->> 'amount')::numeric IS DISTINCT FROM m.amount`,
  },
  {
    promise: 'T1',
    name: 'a term of a membership is paid for once',
    sql: `SELECT id AS about, 'it has renewed ' || COALESCE(r.renewals, 0) || ' terms with ' ||
                 COALESCE(p.charges, 0) || ' charges' AS what
            FROM membership_renewals r
            FULL JOIN (SELECT split_part(split_part(key, '/', 2), ':', 1) AS id, count(*) AS charges
                         FROM postings WHERE kind = 'renewal' GROUP BY 1) AS p USING (id)
           WHERE COALESCE(r.renewals, 0) <> COALESCE(p.charges, 0)`,
  },
  {
    promise: 'T1',
    name: 'a message is sent once',
    sql: `SELECT s.order_no AS about, 'step ' || s.path || ' is ' || s.status || ' with ' ||
                 count(m.id) FILTER (WHERE m.status = 'sent') || ' messages' AS what
            FROM action_steps s LEFT JOIN sms_outbox m ON m.order_no = s.order_no AND m.path = s.path
           WHERE s.name = 'sendSms'
           GROUP BY s.order_no, s.path, s.status
          HAVING count(m.id) FILTER (WHERE m.status = 'sent') <> CASE WHEN s.status = 'succeeded' THEN 1 ELSE 0 END`,
  },
  {
    promise: 'T2',
    name: 'a step waits for the one before it',
    sql: `SELECT s.order_no AS about, 'step ' || s.path || ' is ' || s.status || ', and ' || b.path || ' before it is ' ||
                 b.status AS what
            FROM action_steps s JOIN action_steps b ON b.order_no = s.order_no AND b.position < s.position
           WHERE s.status <> 'pending' AND b.status NOT IN ('succeeded', 'skipped')`,
  },
];

type HistoryEvent = protos.api.history.v1.IHistoryEvent;

interface OrderFacts {
  orderNo: string;
  /** Nothing is left for its workflow to do; null in the seconds around the end of its chat. */
  over: boolean | null;
  started: boolean;
  pendingInboxIds: Set<string>;
  paths: Set<string>;
  succeeded: Set<string>;
}

/** Every order with what SQL says of it; an order is over when its money, its chain and its chat are. */
async function ordersIn(sql: postgres.Sql): Promise<OrderFacts[]> {
  const rows = await sql<
    {
      order_no: string;
      over: boolean | null;
      started: boolean;
      pending: string[] | null;
      paths: string[] | null;
      succeeded: string[] | null;
    }[]
  >`
    SELECT o.order_no,
           CASE WHEN o.money = 'closed' THEN true
                WHEN o.money <> 'released' OR o.chain NOT IN ('none', 'done') THEN false
                WHEN o.chat_closes_at IS NULL OR o.chat_closed_at IS NOT NULL THEN true
                WHEN abs(extract(epoch FROM now() - o.chat_closes_at)) < 5 THEN NULL
                ELSE o.chat_closes_at < now() END AS over,
           x.done_at IS NOT NULL AS started,
           (SELECT array_agg(i.id::text) FROM inbox i JOIN payments y ON y.out_trade_no = i.out_trade_no
             WHERE y.order_no = o.order_no AND i.state = 'pending') AS pending,
           (SELECT array_agg(s.path) FROM action_steps s WHERE s.order_no = o.order_no) AS paths,
           (SELECT array_agg(s.path) FROM action_steps s WHERE s.order_no = o.order_no AND s.status = 'succeeded') AS succeeded
      FROM orders o LEFT JOIN outbox x USING (order_no)`;
  return rows.map((row) => ({
    orderNo: row.order_no,
    over: row.over,
    started: row.started,
    pendingInboxIds: new Set(row.pending ?? []),
    paths: new Set(row.paths ?? []),
    succeeded: new Set(row.succeeded ?? []),
  }));
}

interface Told {
  status: string;
  events: HistoryEvent[];
}

async function toldOf(temporal: Client, workflowId: string): Promise<Told | null> {
  const handle = temporal.workflow.getHandle(workflowId);
  try {
    // The history first: a workflow that ends in between is then seen as it ended.
    const { events } = await handle.fetchHistory();
    const { status } = await handle.describe();
    return { status: status.name, events: events ?? [] };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/** Attempts of one step carry its path, and `#2` and so on after an operator's decision. */
const pathOf = (activityId: string): string => activityId.split('#')[0] ?? activityId;

/** Of temporal.api.enums.v1.WorkflowTaskFailedCause: a signal came while the workflow ended; the task is tried again. */
const UNHANDLED_COMMAND = 1;

function faultyTasks(events: readonly HistoryEvent[]): string[] {
  return events.flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
    failed && Number(failed.cause) !== UNHANDLED_COMMAND
      ? [
          `a workflow task failed with cause ${Number(failed.cause)}: ${failed.failure?.message ?? 'no message'}`,
        ]
      : [],
  );
}

/** T1, T2: each step completes once, and nothing of it is scheduled after that. */
function faultySteps({ paths, succeeded }: OrderFacts, { status, events }: Told): string[] {
  const scheduled = new Map<string, string>();
  const completed = new Map<string, number>();
  const faults: string[] = [];
  for (const event of events) {
    const { activityId } = event.activityTaskScheduledEventAttributes ?? {};
    if (activityId !== undefined && activityId !== null && paths.has(pathOf(activityId))) {
      const path = pathOf(activityId);
      scheduled.set(String(event.eventId), path);
      if (completed.has(path)) faults.push(`step ${path} was scheduled again after it had completed`);
    }
    const done = event.activityTaskCompletedEventAttributes;
    const path = done && scheduled.get(String(done.scheduledEventId));
    if (path) completed.set(path, (completed.get(path) ?? 0) + 1);
  }
  for (const [path, times] of completed) {
    if (times > 1) faults.push(`step ${path} completed ${times} times`);
    if (!succeeded.has(path)) faults.push(`step ${path} completed, and SQL does not say so`);
  }
  if (status !== 'COMPLETED') return faults;
  const missing = [...succeeded].filter((path) => !completed.has(path));
  return [...faults, ...missing.map((path) => `step ${path} succeeded, and no activity of it completed`)];
}

/** T4: every signal's payment is out of the inbox, and every Update that was let in was answered. */
function droppedMessages({ pendingInboxIds }: OrderFacts, { status, events }: Told): string[] {
  if (status === 'RUNNING') return [];
  const signals = events.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const [payload] = signal?.input?.payloads ?? [];
    if (signal?.signalName !== 'paymentReceived' || !payload?.data) return [];
    const { inboxId } = defaultPayloadConverter.fromPayload<{ inboxId?: number }>(payload);
    return inboxId !== undefined && pendingInboxIds.has(String(inboxId))
      ? [`a signal told of inbox ${inboxId}, which is still pending`]
      : [];
  });
  const answered = new Set(
    events.flatMap(({ workflowExecutionUpdateCompletedEventAttributes: update }) =>
      update ? [update.meta?.updateId] : [],
    ),
  );
  const dropped = events.flatMap(({ workflowExecutionUpdateAcceptedEventAttributes: update }) =>
    update && !answered.has(update.acceptedRequest?.meta?.updateId ?? '')
      ? [`update ${update.acceptedRequest?.input?.name ?? ''} was accepted and never answered`]
      : [],
  );
  return [...signals, ...dropped];
}

function orderFaults(order: OrderFacts, told: Told | null): Violation[] {
  const about = order.orderNo;
  if (told === null) {
    return order.started
      ? [{ promise: 'T6', about, what: 'its workflow was started, and there is none' }]
      : [];
  }
  const wanted = order.over === null ? ['COMPLETED', 'RUNNING'] : [order.over ? 'COMPLETED' : 'RUNNING'];
  const state = wanted.includes(told.status)
    ? []
    : [`its workflow is ${told.status}, and the order wants it ${wanted.join(' or ')}`];
  const because = (promise: string, faults: string[]): Violation[] =>
    faults.map((what) => ({ promise, about, what }));
  return [
    ...because('T5', state),
    ...because('T3', faultyTasks(told.events)),
    ...because('T2', faultySteps(order, told)),
    ...because('T4', droppedMessages(order, told)),
  ];
}

/** A refund or a withdrawal, which goes through its provider by a workflow of its own. */
interface JourneyFacts {
  kind: 'refund' | 'withdrawal';
  id: string;
  status: string;
  ended: boolean;
}

async function journeysIn(sql: postgres.Sql): Promise<JourneyFacts[]> {
  return sql<JourneyFacts[]>`
    SELECT 'refund' AS kind, id, status, status <> 'processing' AS ended FROM refunds
     WHERE channel <> 'wallet' AND status IN ('processing', 'succeeded', 'failed')
    UNION ALL
    SELECT 'withdrawal', id, status, status IN ('paid', 'failed', 'bounced') FROM withdrawals
     WHERE status NOT IN ('requested', 'rejected')`;
}

function journeyFaults({ kind, id, status, ended }: JourneyFacts, told: Told | null): Violation[] {
  const about = `${kind} ${id}`;
  if (told === null) {
    return ended ? [{ promise: 'T6', about, what: `is ${status}, and no workflow did it` }] : [];
  }
  const wanted = ended ? 'COMPLETED' : 'RUNNING';
  return [
    ...(told.status === wanted ? [] : [`its workflow is ${told.status}, and the ${kind} is ${status}`]).map(
      (what) => ({ promise: 'T5', about, what }),
    ),
    ...faultyTasks(told.events).map((what) => ({ promise: 'T3', about, what })),
  ];
}

/** A few at a time: the server is the same that the orders run on. */
async function eachOf<T>(all: readonly T[], look: (one: T) => Promise<Violation[]>): Promise<Violation[]> {
  const queue = [...all];
  const found: Violation[] = [];
  const one = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      found.push(...(await look(next)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return found;
}

/**
 * T1, T2, T4, and that every order's workflow ended as its order did. For orders at rest: one that moves between the
 * two looks may seem wrong.
 * @param temporal of the namespace in which the orders run, whose payloads are not encrypted
 */
export async function historyViolations(sql: postgres.Sql, temporal: Client): Promise<Violation[]> {
  const inSql = await runChecks(sql, HISTORY_CHECKS);
  const orders = await eachOf(await ordersIn(sql), async (order) =>
    orderFaults(order, await toldOf(temporal, `order/${order.orderNo}`)),
  );
  const journeys = await eachOf(await journeysIn(sql), async (journey) =>
    journeyFaults(journey, await toldOf(temporal, `${journey.kind}/${journey.id}`)),
  );
  return [...inSql, ...orders, ...journeys];
}
