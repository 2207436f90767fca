/** T3 for withdrawals: what their workflow did once, every later version does alike. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/bundle.js';
import { historyNames, readHistory } from './files.js';
import { WITHDRAWAL_PATHS } from './withdrawal-paths.js';

// A replay that fails says so itself.
Runtime.install({
  logger: new DefaultLogger('ERROR', () => undefined),
  telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
});

const names = await historyNames('withdrawals');
const PLANTED = fileURLToPath(new URL('./planted-withdrawal/index.ts', import.meta.url));

async function replay(name: string, workflowsPath?: string): Promise<void> {
  const bundle = await workflowBundle(workflowsPath);
  const history = await readHistory(name, 'withdrawals');
  await Worker.runReplayHistory({ workflowBundle: bundle }, history, `withdrawal/${name}`);
}

describe('T3 a recorded history of a withdrawal', () => {
  it('is there for every path', () => {
    expect(names).toEqual(expect.arrayContaining(WITHDRAWAL_PATHS.map(({ name }) => name)));
  });

  it.each(names)('replays: %s', async (name) => {
    await replay(name);
  });

  it.each(names)('does not replay with an activity too many: %s', async (name) => {
    await expect(replay(name, PLANTED)).rejects.toThrow(DeterminismViolationError);
  });
});
