import { loadConfig, StartError } from './config.js';
import { startSandbox } from './server.js';

/** Starts the sandbox on the environment's settings and ends it on SIGINT or SIGTERM. */
async function main(): Promise<void> {
  const sandbox = await startSandbox(loadConfig());
  const { port } = sandbox;
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  process.stdout.write(
    `Sandbox ready: control and cashier http://127.0.0.1:${port}, Alipay http://127.0.0.1:${port + 1}/gateway.do, ` +
      `WeChat Pay http://127.0.0.1:${port + 2}/, Ping++ http://127.0.0.1:${port + 3}, Stripe http://127.0.0.1:${port + 4}, SMS http://127.0.0.1:${port + 5}, merchant settings ${sandbox.merchantFile}\n`,
  );
  await stopped;
  await sandbox.close();
}

try {
  await main();
} catch (error) {
  // A StartError is one line for the person at the terminal; anything else is our bug and shows where.
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`sandbox: ${error.message}\n`);
  process.exitCode = 1;
}
