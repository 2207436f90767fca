/** `node worker/make-bundle.mjs <workflows>`: writes the bundle to its standard output. */
import { bundleWorkflowCode } from '@temporalio/worker';

const [, , workflowsPath = ''] = process.argv;
/** @param {string} message */
const complain = (message) => process.stderr.write(`${message}\n`);
const quiet = () => undefined;
const logger = { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: complain };
const { code } = await bundleWorkflowCode({ workflowsPath, logger });
process.stdout.write(code);
