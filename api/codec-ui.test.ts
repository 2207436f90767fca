/** S4 Temporal's own UI opens what is sealed by way of the codec, behind a proxy that adds the key (README). */
import { type Server, createServer, request as requestUpstream } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { expect, it, onTestFinished } from 'vitest';
import { makeTestHome, sharedGuard } from '../dev/guard.mjs';
import { freePort } from '../dev/ports.mjs';
import { findTemporal, startTemporal } from '../dev/temporal.mjs';
import { dataConverterOf } from '../temporal/connect.js';
import { launchBrowser, openPage } from '../test/e2e/browser.js';
import { freshDatabase } from '../test/support/database.js';
import { describeFull } from '../test/support/full.js';
import { ADMIN_KEY, startTestApp, testServices } from './test-support.js';

const KEY = 'a'.repeat(64);
const SECRET = '13500000000';
const ID = 'order/sealed';
/** The UI and a browser start within it also where others are at work. */
const TEST_MS = 120_000;

/** As the proxy in front of an installation: the UI, and under the same address the codec, with the key that it wants. */
async function startProxy(ui: string, api: string): Promise<Server> {
  const server = createServer((asked, answer) => {
    const isCodec = asked.url?.startsWith('/codec/') === true;
    const upstream = requestUpstream(
      `${isCodec ? api : ui}${asked.url}`,
      {
        method: asked.method ?? 'GET',
        headers: { ...asked.headers, ...(isCodec && { authorization: `Bearer ${ADMIN_KEY}` }) },
      },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(answer);
      },
    );
    upstream.on('error', () => answer.destroy());
    asked.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

async function startApi(): Promise<string> {
  const database = await freshDatabase();
  const { config } = testServices(database.db).services;
  const api = await startTestApp(database.db, {
    config: { ...config, temporal: { ...config.temporal, payloadKey: KEY } },
  });
  onTestFinished(async () => {
    await api.close();
    await database.close();
  });
  return api.url;
}

/** A Temporal server with its UI, and one workflow whose input is sealed. */
async function startSealed(codec: string, uiPort: number): Promise<void> {
  const home = makeTestHome();
  sharedGuard().remove(home);
  const [{ path: binary }, port] = await Promise.all([findTemporal(), freePort()]);
  const extraArgs = ['--ui-codec-endpoint', codec];
  const server = await startTemporal({
    home,
    binary,
    port,
    uiPort,
    persistent: false,
    extraArgs,
  });
  onTestFinished(() => server.stop());
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  onTestFinished(() => connection.close());
  const dataConverter = dataConverterOf({ address: '', namespace: 'default', payloadKey: KEY });
  const client = new Client({ connection, dataConverter });
  await client.workflow.start('order', { workflowId: ID, taskQueue: 'none', args: [{ mobile: SECRET }] });
}

describeFull('S4 Temporal’s UI', () => {
  it(
    'shows an input that is sealed',
    async () => {
      const [api, uiPort, browser] = await Promise.all([startApi(), freePort(), launchBrowser()]);
      onTestFinished(() => browser.close());
      const proxy = await startProxy(`http://127.0.0.1:${uiPort}`, api);
      const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      await startSealed(`${address}/codec`, uiPort);
      const { page } = await openPage(browser);
      await page.goto(`${address}/namespaces/default/workflows`);
      await page.getByText(ID).first().click({ timeout: TEST_MS });
      await page.getByText(SECRET).first().waitFor({ timeout: TEST_MS });
      expect(await page.getByText(ID).count()).toBeGreaterThan(0);
    },
    TEST_MS,
  );
});
