/** Stands in front of a PostgreSQL and counts how often its clients send something and wait for what it says. */
import { type AddressInfo, connect, createServer } from 'node:net';

export interface WireCount {
  /** The same URL, through this counter. */
  through(url: string): string;
  /** What a client waits after, so far: queries, syncs and flushes (protocol 3, "Frontend" messages). */
  exchanges(): number;
  close(): Promise<void>;
}

const WAITS = new Set(['Q', 'S', 'H']);

/** @returns a reader of one client's bytes, in whatever pieces they come */
function readerOf(onMessage: (type: string) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  // The first message has no type, only a length.
  let typeBytes = 0;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= typeBytes + 4) {
      const length = typeBytes + rest.readInt32BE(typeBytes);
      if (rest.length < length) return;
      if (typeBytes === 1) onMessage(String.fromCharCode(rest[0] ?? 0));
      rest = rest.subarray(length);
      typeBytes = 1;
    }
  };
}

export async function countWire(serverUrl: string): Promise<WireCount> {
  const { hostname, port } = new URL(serverUrl);
  let exchanges = 0;
  const server = createServer((client) => {
    const toServer = connect(Number(port), hostname);
    const read = readerOf((type) => {
      if (WAITS.has(type)) exchanges++;
    });
    client.on('data', read);
    client.pipe(toServer).pipe(client);
    client.on('error', () => toServer.destroy());
    toServer.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = server.address() as AddressInfo;
  return {
    through: (url) => {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${own.port}`;
      return changed.href;
    },
    exchanges: () => exchanges,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
