import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PORT_SPAN, StartError } from './config.js';

const LOOPBACK = '127.0.0.1';
const TRIES = 50;

/** Ports that are ours from now on. A request is answered 503 until `serve` says by what. */
export interface BoundPorts {
  /** The first port. */
  readonly port: number;
  serve(offset: number, listener: RequestListener): void;
  close(): Promise<void>;
}

/**
 * Takes the wanted ports counted from `first`; with 0, from six free ports in a row.
 * @throws StartError when a port is taken or not allowed
 */
export async function bindPorts(first: number, offsets: readonly number[]): Promise<BoundPorts> {
  if (first !== 0) {
    const servers = await bindAll(first, offsets);
    return boundPorts(first, servers);
  }
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const found = await bindSomewhere(offsets);
    if (found) return found;
  }
  throw new StartError(`No ${PORT_SPAN} free ports in a row were found on ${LOOPBACK}.`);
}

async function bindSomewhere(offsets: readonly number[]): Promise<BoundPorts | null> {
  const probe = await listening(0);
  const first = (probe.address() as AddressInfo).port;
  await closed(probe);
  if (first + PORT_SPAN > 65_536) return null;
  const span = Array.from({ length: PORT_SPAN }, (_, offset) => offset);
  try {
    const servers = await bindAll(first, span);
    // The rest of the row was only taken to see that it is free.
    for (const [offset, server] of servers) {
      if (offsets.includes(offset)) continue;
      servers.delete(offset);
      await closed(server);
    }
    return boundPorts(first, servers);
  } catch (error) {
    if (error instanceof StartError) return null;
    throw error;
  }
}

function boundPorts(port: number, servers: ReadonlyMap<number, Server>): BoundPorts {
  return {
    port,
    serve: (offset, listener) => {
      const server = servers.get(offset);
      if (!server) throw new Error(`Port offset ${offset} was not bound.`);
      server.removeAllListeners('request').on('request', listener);
    },
    close: async () => {
      await Promise.all([...servers.values()].map(closed));
    },
  };
}

async function bindAll(first: number, offsets: readonly number[]): Promise<Map<number, Server>> {
  const servers = new Map<number, Server>();
  try {
    for (const offset of offsets) servers.set(offset, await listening(first + offset));
    return servers;
  } catch (error) {
    await Promise.all([...servers.values()].map(closed));
    throw error;
  }
}

function listening(port: number): Promise<Server> {
  const server = createServer((_req, res) => {
    res.writeHead(503, { 'retry-after': '1' }).end('The sandbox is starting.\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(unusable(port, error)));
    server.listen({ host: LOOPBACK, port }, () => resolve(server));
  });
}

function unusable(port: number, error: NodeJS.ErrnoException): Error {
  const advice = `set SANDBOX_PORT to another first port (the sandbox takes ${PORT_SPAN} in a row)`;
  if (error.code === 'EADDRINUSE') {
    return new StartError(`Port ${port} is taken: stop the program that holds it, or ${advice}.`);
  }
  if (error.code === 'EACCES') return new StartError(`Port ${port} is not allowed here: ${advice}.`);
  return error;
}

/** Closes a server and every connection to it, also those that hang on purpose. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
