/** What a workflow costs in Temporal: events and bytes as the server counts them, Cloud actions by the price list. */
import type { Servers } from './servers.js';

export interface HistoryCounts {
  events: number;
  bytes: number;
  actions: number;
  /** Search-attribute upserts, which are actions too. */
  upserts: number;
}

interface RawEvent {
  eventType: string;
  markerRecordedEventAttributes?: { markerName?: string; workflowTaskCompletedEventId?: string };
  activityTaskStartedEventAttributes?: { attempt?: number };
}

// A start, a signal, a timer, an upsert and an update are one action each; every try of an activity is one.
const ONE_ACTION = new Set([
  'WORKFLOW_EXECUTION_STARTED',
  'WORKFLOW_EXECUTION_SIGNALED',
  'WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
  'TIMER_STARTED',
  'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES',
]);

function actionsOf(events: readonly RawEvent[]): number {
  const plain = events.filter(({ eventType }) => ONE_ACTION.has(eventType.replace('EVENT_TYPE_', ''))).length;
  const tries = events.reduce((sum, one) => sum + (one.activityTaskStartedEventAttributes?.attempt ?? 0), 0);
  // All local activities of one workflow task are one action: their markers name the task that they ended with.
  const tasks = events
    .map((one) => one.markerRecordedEventAttributes)
    .filter((marker) => marker?.markerName === 'core_local_activity')
    .map((marker) => marker?.workflowTaskCompletedEventId);
  return plain + tries + new Set(tasks).size;
}

export async function countHistory({ client }: Servers, workflowId: string): Promise<HistoryCounts> {
  const handle = client.workflow.getHandle(workflowId);
  const history = JSON.parse(JSON.stringify(await handle.fetchHistory())) as { events: RawEvent[] };
  const described = await handle.describe();
  return {
    events: history.events.length,
    bytes: Number(described.historySize),
    actions: actionsOf(history.events),
    upserts: history.events.filter(({ eventType }) => eventType.endsWith('UPSERT_WORKFLOW_SEARCH_ATTRIBUTES'))
      .length,
  };
}
