/** The workflows as one bundle: made once a run, since it takes seconds. */
import { access, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { inject } from 'vitest';

const logger = {
  log: () => undefined,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (message: string, meta?: object) => {
    throw new Error(`${message} ${JSON.stringify(meta)}`);
  },
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

const WORKFLOWS = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** @param workflowsPath the product's own workflows, or a changed copy of them */
export async function workflowBundle(workflowsPath = WORKFLOWS): Promise<{ codePath: string }> {
  const codePath = path.join(inject('scratch'), `${path.basename(path.dirname(workflowsPath))}-bundle.js`);
  if (!(await isThere(codePath))) {
    const { code } = await bundleWorkflowCode({ workflowsPath, logger });
    // Another file may look for it meanwhile: it is there whole, or not at all.
    const draft = `${codePath}.${process.pid}`;
    await writeFile(draft, code);
    await rename(draft, codePath);
  }
  return { codePath };
}

/** The bundle's text. */
export async function workflowCode(): Promise<string> {
  return readFile((await workflowBundle()).codePath, 'utf8');
}
