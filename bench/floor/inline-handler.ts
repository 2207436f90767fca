/** What the inbox is compared with: a handler that verifies the same notification and signals Temporal inline. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createAlipay } from '../../channels/alipay.js';
import { openTemporal } from '../../temporal/connect.js';

const given = (name: string): string => process.env[name] ?? '';

const alipay = createAlipay({
  appId: given('ALIPAY_APP_ID'),
  sellerId: given('ALIPAY_SELLER_ID'),
  privateKey: given('ALIPAY_PRIVATE_KEY'),
  alipayPublicKey: given('ALIPAY_PUBLIC_KEY'),
  gateway: given('ALIPAY_GATEWAY'),
  timeoutMs: 5_000,
});
const temporal = openTemporal({
  address: given('TEMPORAL_ADDRESS'),
  namespace: 'default',
  payloadKey: undefined,
});

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use(express.raw({ type: () => true }));
app.post('/webhooks/alipay', (request, response, forward) => {
  const { outTradeNo } = alipay.verifyNotification({
    body: request.body as Buffer,
    headers: request.headers,
    receivedAt: new Date(),
  });
  temporal.client.workflow
    .getHandle(`floor/${outTradeNo}`)
    .signal('paid', 1)
    .then(() => response.type('text/plain').end('success'))
    .catch(forward);
});

const server = createServer(app);
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  process.disconnect?.();
  void temporal.close();
});
