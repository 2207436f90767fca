/** Stands in front of a server and does what networks do: delays, cuts off, or loses everything without a word. */
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * - `none`: passes bytes on. Connections that were lost before are ended, as by a peer that does not know them.
 * - `refuses`: no connection is taken, and those that were are ended.
 * - `resets`: every connection is reset, also the new ones.
 * - `silent`: a black hole. What is sent disappears, also the word that a connection was closed.
 * - `stale`: connections that exist are lost in a black hole, and new ones pass.
 * - `slow`: every byte comes later by this much, both ways.
 */
export type Fault = 'none' | 'refuses' | 'resets' | 'silent' | 'stale' | { slowMs: number };

interface Pair {
  readonly inner: Socket;
  readonly outer: Socket;
  lost: boolean;
}

export class TcpProxy {
  private fault: Fault = 'none';
  private readonly pairs = new Set<Pair>();
  private readonly host: string;
  private readonly port: number;
  private server: Server = createServer();
  private ownPort = 0;

  /** @param target what it stands in front of, such as `127.0.0.1:5432` */
  constructor(target: string) {
    const { hostname, port } = new URL(`tcp://${target}`);
    this.host = hostname;
    this.port = Number(port);
  }

  /** Where to connect instead. */
  get address(): string {
    return `127.0.0.1:${this.ownPort}`;
  }

  /** The same URL, through this proxy. */
  through(url: string): string {
    const changed = new URL(url);
    changed.host = this.address;
    return changed.href;
  }

  /** Connections that the client has not closed, as far as can be known here. */
  get connections(): number {
    return [...this.pairs].filter(({ inner }) => !inner.destroyed).length;
  }

  async listen(): Promise<void> {
    this.server = createServer((inner) => this.accept(inner));
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.ownPort, '127.0.0.1', resolve);
    });
    this.ownPort = (this.server.address() as AddressInfo).port;
  }

  async set(fault: Fault): Promise<void> {
    this.fault = fault;
    for (const pair of this.pairs) {
      if (fault === 'silent' || fault === 'stale') pair.lost = true;
      else if (fault === 'resets') reset(pair);
      else if (fault === 'refuses' || (fault === 'none' && pair.lost)) end(pair);
    }
    if (fault === 'refuses') await this.stopListening();
    else if (!this.server.listening) await this.listen();
  }

  async close(): Promise<void> {
    for (const pair of this.pairs) end(pair);
    await this.stopListening();
  }

  private async stopListening(): Promise<void> {
    if (this.server.listening) await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(inner: Socket): void {
    const pair: Pair = {
      inner,
      outer: connect({ port: this.port, host: this.host, noDelay: true }),
      lost: this.fault === 'silent',
    };
    inner.setNoDelay(true);
    this.pairs.add(pair);
    this.carry(pair, pair.inner, pair.outer);
    this.carry(pair, pair.outer, pair.inner);
    if (this.fault === 'resets') reset(pair);
  }

  private carry(pair: Pair, from: Socket, to: Socket): void {
    // One after the other, so that no byte overtakes another when the delay changes.
    let sent = Promise.resolve();
    const inTurn = (act: () => void): void => {
      const delayMs = typeof this.fault === 'object' ? this.fault.slowMs : 0;
      sent = later(sent, delayMs, () => {
        if (!pair.lost) act();
      });
    };
    from.on('data', (bytes: Buffer) => inTurn(() => to.write(bytes)));
    from.on('close', () => {
      if (pair.inner.destroyed && pair.outer.destroyed) this.pairs.delete(pair);
      inTurn(() => to.destroySoon());
    });
    // It is told by `close` too; a connection that was cut off is what this is for.
    from.on('error', () => undefined);
  }
}

/** Acts after what comes before, and not earlier than the delay from now. */
async function later(before: Promise<void>, delayMs: number, act: () => void): Promise<void> {
  const due = performance.now() + delayMs;
  await before;
  if (delayMs > 0) await wait(Math.max(0, due - performance.now()));
  act();
}

function end({ inner, outer }: Pair): void {
  inner.destroy();
  outer.destroy();
}

function reset({ inner, outer }: Pair): void {
  inner.resetAndDestroy();
  outer.destroy();
}

/** @param target `host:port` */
export async function startProxy(target: string): Promise<TcpProxy> {
  const proxy = new TcpProxy(target);
  await proxy.listen();
  return proxy;
}
