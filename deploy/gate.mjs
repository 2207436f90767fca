import { connect, createServer } from 'node:net';

/**
 * The sandbox listens on its loopback alone, and everything that it hands out says 127.0.0.1. In containers a gate
 * on either side makes that true for the others as well: one on the sandbox's own addresses, towards its loopback,
 * and one on the loopback of the API and of the worker, towards the sandbox.
 *
 * @param {{ addresses: readonly string[], ports: readonly number[], target: string }} options
 * @returns {Promise<() => Promise<void>>} closes it
 * @throws {Error} when a port is taken
 */
export async function openGate({ addresses, ports, target }) {
  const places = addresses.flatMap((host) => ports.map((port) => ({ host, port })));
  const servers = await Promise.all(places.map((place) => listen(place, target)));
  return async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  };
}

/**
 * @param {{ host: string, port: number }} place
 * @param {string} target
 * @returns {Promise<import('node:net').Server>}
 */
function listen(place, target) {
  const server = createServer((caller) => {
    const callee = connect({ host: target, port: place.port });
    caller.pipe(callee).pipe(caller);
    // Nobody listens there yet, or somebody went away: then the other side ends too, and asks again.
    caller.on('error', () => callee.destroy());
    callee.on('error', () => caller.destroy());
  });
  // The gate alone is no reason to live on.
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place, () => resolve(server));
  });
}
