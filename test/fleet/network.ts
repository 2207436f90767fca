/** The four wires of the product, each of which can be cut by itself. */
import { type TcpProxy, startProxy } from '../support/tcp-proxy.js';
import type { Fleet } from './fleet.js';

export const WIRES = ['api-postgres', 'api-temporal', 'worker-postgres', 'worker-temporal'] as const;
export type Wire = (typeof WIRES)[number];

export interface Network {
  readonly proxies: Readonly<Record<Wire, TcpProxy>>;
  /** With which a process reaches the servers over its own wires. */
  environmentOf(who: 'api' | 'worker'): Record<string, string>;
  close(): Promise<void>;
}

export async function openNetwork(fleet: Fleet): Promise<Network> {
  const postgres = new URL(fleet.postgres.appUrl).host;
  const proxies = {
    'api-postgres': await startProxy(postgres),
    'api-temporal': await startProxy(fleet.temporal.address),
    'worker-postgres': await startProxy(postgres),
    'worker-temporal': await startProxy(fleet.temporal.address),
  };
  return {
    proxies,
    environmentOf: (who) => ({
      DATABASE_URL: proxies[`${who}-postgres`].through(fleet.postgres.appUrl),
      TEMPORAL_ADDRESS: proxies[`${who}-temporal`].address,
    }),
    close: async () => {
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
    },
  };
}
