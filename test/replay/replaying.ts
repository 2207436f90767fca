/** What is checked of every recorded history: it is there, it replays, and it would not if the workflow did more. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/bundle.js';
import { type Folder, historyNames, readHistory } from './files.js';

// A replay that fails says so itself.
Runtime.install({
  logger: new DefaultLogger('ERROR', () => undefined),
  telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
});

/**
 * @param title with the promise's id
 * @param planted the folder of the same workflow with an activity too many
 */
export async function replaysEach(
  title: string,
  folder: Exclude<Folder, 'histories'>,
  planted: string,
  paths: readonly { name: string }[],
): Promise<void> {
  const names = await historyNames(folder);
  const plantedPath = fileURLToPath(new URL(`./${planted}/index.ts`, import.meta.url));
  const replay = async (name: string, workflowsPath?: string): Promise<void> => {
    const bundle = await workflowBundle(workflowsPath);
    await Worker.runReplayHistory({ workflowBundle: bundle }, await readHistory(name, folder), name);
  };

  describe(title, () => {
    it('is there for every path', () => {
      expect(names).toEqual(expect.arrayContaining(paths.map(({ name }) => name)));
    });

    it.each(names)('replays: %s', async (name) => {
      await replay(name);
    });

    it.each(names)('does not replay with an activity too many: %s', async (name) => {
      await expect(replay(name, plantedPath)).rejects.toThrow(DeterminismViolationError);
    });
  });
}
