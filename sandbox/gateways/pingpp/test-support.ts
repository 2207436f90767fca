import http from 'node:http';
import pingpp from 'pingpp';
import { testSandbox, type MerchantEnvironment, type TestSandbox } from '../../test-support.js';

export type Body = Record<string, unknown>;

type PingppSdk = ReturnType<typeof pingpp>;
type Done = Parameters<PingppSdk['charges']['create']>[1];

/**
 * The official client, as a merchant would set it up from the written environment. It sends a request only on a new
 * connection, and Node keeps its connections: so the process keeps none while it runs.
 */
export function pingppClient(
  environment: MerchantEnvironment,
  changes: { apiKey?: string; privateKeyPath?: string } = {},
): PingppSdk {
  http.globalAgent = new http.Agent({ keepAlive: false });
  const { hostname, port } = new URL(environment['PINGPP_BASE_URL'] ?? '');
  const sdk = pingpp(changes.apiKey ?? environment['PINGPP_API_KEY'] ?? '');
  sdk.setHost(hostname, port, 'http');
  sdk.setPrivateKeyPath(changes.privateKeyPath ?? environment['PINGPP_PRIVATE_KEY'] ?? '');
  sdk.setTimeout(5_000);
  return sdk;
}

/** A call of the official client as a promise. */
export function called(work: (done: Done) => void): Promise<Body> {
  return new Promise((resolve, reject) => {
    work((error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}

export interface PingppMerchant {
  readonly sandbox: TestSandbox;
  readonly sdk: PingppSdk;
  readonly appId: string;
  order(no: string, changes?: Body): Body;
  create(no: string, changes?: Body): Promise<Body & { id: string }>;
}

export async function testMerchant(options: { now?: () => number } = {}): Promise<PingppMerchant> {
  const sandbox = await testSandbox(options);
  const sdk = pingppClient(sandbox.environment);
  const appId = sandbox.environment['PINGPP_APP_ID'] ?? '';
  const order = (no: string, changes: Body = {}): Body => ({
    order_no: no,
    app: { id: appId },
    channel: 'alipay_qr',
    amount: 1234,
    client_ip: '127.0.0.1',
    currency: 'cny',
    subject: 'Two tickets',
    body: '两张票',
    ...changes,
  });
  return {
    sandbox,
    sdk,
    appId,
    order,
    create: async (no, changes) =>
      (await called((done) => sdk.charges.create(order(no, changes), done))) as Body & { id: string },
  };
}
