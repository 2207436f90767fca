import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Flow, startFlow } from '../support/flow.js';
import { suspense } from '../support/journeys.js';
import { PATHS, orderOf, prepareWorld } from '../support/paths.js';

describe('a path', () => {
  let flow: Flow;
  beforeAll(async () => {
    flow = await startFlow();
    await prepareWorld(flow);
  });
  afterAll(() => flow.close());

  it.each(PATHS)(
    '$name ends as $status after $events history events',
    async ({ run, status, events, upserts }) => {
      const orderNo = await run(flow);
      expect((await orderOf(flow, orderNo)).status).toBe(status);
      const history = await flow.events(orderNo);
      expect
        .soft(history.filter(({ type }) => type === 'UPSERT_WORKFLOW_SEARCH_ATTRIBUTES'))
        .toHaveLength(upserts);
      expect(history).toHaveLength(events);
      await suspense(flow.context.db);
    },
  );
});
