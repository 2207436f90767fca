/**
 * The wire to PostgreSQL, with the deadline that the driver has not: behind a network that swallows everything, a
 * query would hang for ever, and its connection stay in the pool (docs/decisions/0014).
 */
import { once } from 'node:events';
import { type Socket, connect, isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as secure } from 'node:tls';

/** What the driver hands to its `socket` option: its own options, parsed. */
export interface Target {
  host: string[];
  port: number[];
  /** A Unix socket; host and port do not count then. */
  path?: string | false;
}

export interface ConnectionOptions {
  /** To connect, with TLS and without. */
  connectWithinMs: number;
  /** For whatever was sent; longer than the server lets a statement take. */
  answerWithinMs: number;
  /** As in a URL's `sslmode`: undefined or `disable`, `prefer`, `require`, `verify-full`. */
  tls: string | undefined;
}

class BrokenError extends Error {
  /** The system's word for it, which callers know. */
  readonly code: 'ECONNRESET' | 'ETIMEDOUT';

  constructor(code: 'ECONNRESET' | 'ETIMEDOUT', message: string, cause?: Error) {
    super(message, { cause });
    this.code = code;
  }
}

const closed = (cause: Error | undefined): BrokenError =>
  new BrokenError('ECONNRESET', 'the connection to PostgreSQL was closed', cause);

// Length 8, and the number that stands for "TLS?" where a version would be; answered by one byte, S or N.
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = 'S'.charCodeAt(0);
/** These encrypt, and take any certificate: what libpq means by them. */
const WITHOUT_PROOF = new Set(['allow', 'prefer', 'require']);

// No value of a row and no name has a zero in it, so this is nothing else.
const FATAL = Buffer.from('\0VFATAL\0');

/** What a server ends a connection with: it starts up, or shuts down, or has ended this session. */
function lastWord(bytes: Buffer): Error | undefined {
  // An error's fields end with a zero each, and all of them with one more.
  const mark = bytes.at(-1) === 0 && bytes.at(-2) === 0 ? bytes.lastIndexOf(FATAL) : -1;
  if (mark < 0) return undefined;
  const fields = bytes.toString('utf8', mark + 1).split('\0');
  const field = (letter: string): string => fields.find((one) => one.startsWith(letter))?.slice(1) ?? '';
  return Object.assign(new Error(field('M')), { code: field('C') });
}

async function startTls(socket: Socket, host: string, mode: string, signal: AbortSignal): Promise<Socket> {
  socket.write(TLS_REQUEST);
  const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
  if (answer[0] !== YES) {
    if (mode === 'prefer' || mode === 'allow') return socket;
    throw new Error('PostgreSQL offers no TLS, which DATABASE_URL asks for');
  }
  const secured = secure({
    socket,
    rejectUnauthorized: !WITHOUT_PROOF.has(mode),
    ...(isIP(host) === 0 && { servername: host }),
  });
  secured.on('error', () => socket.destroy());
  await once(secured, 'secureConnect', { signal });
  return secured;
}

/** @throws BrokenError when it takes too long; the system's error otherwise */
async function open(target: Target, { connectWithinMs, tls }: ConnectionOptions): Promise<Socket> {
  const [host = 'localhost'] = target.host;
  const [port = 5432] = target.port;
  const socket = typeof target.path === 'string' ? connect(target.path) : connect({ host, port });
  // Whoever waits hears of it; an error in between must not end the process.
  socket.on('error', () => socket.destroy());
  const signal = AbortSignal.timeout(connectWithinMs);
  try {
    await once(socket, 'connect', { signal });
    if (tls === undefined || tls === 'disable') return socket;
    return await startTls(socket, host, tls, signal);
  } catch (error) {
    socket.destroy();
    if (!signal.aborted) throw error;
    throw new BrokenError('ETIMEDOUT', `PostgreSQL was not reached within ${connectWithinMs / 1_000} s`);
  }
}

/**
 * One connection. Once something was sent, something must come back in time, or it is ended and its queries fail.
 * At rest it may be silent for as long as it likes.
 */
class Connection extends Duplex {
  private readonly target: Target;
  private readonly options: ConnectionOptions;
  private readonly pool: Set<Connection>;
  private socket: Socket | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private heardAt = performance.now();

  constructor(target: Target, options: ConnectionOptions, pool: Set<Connection>) {
    super({ emitClose: false });
    this.target = target;
    this.options = options;
    this.pool = pool;
    pool.add(this);
  }

  get readyState(): string {
    return this.socket?.readyState ?? 'opening';
  }

  override _construct(ready: (error?: Error | null) => void): void {
    this.opened().then(() => ready(), ready);
  }

  override _read(): void {
    this.socket?.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const askedAt = performance.now();
    this.deadline ??= setTimeout(() => this.endInSilence(askedAt), this.options.answerWithinMs);
    this.socket?.write(bytes, (error) => done(error && closed(error)));
  }

  override _final(done: () => void): void {
    this.socket?.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.answered();
    this.pool.delete(this);
    this.socket?.destroy();
    done(error);
    // Queries fail at once, and transactions send their ROLLBACK. The driver buffers it, and would keep it for the next
    // connection, which it spoils, if it had none at that moment; so the end is told after that buffer was emptied.
    setImmediate(() => setImmediate(() => this.emit('close')));
  }

  private async opened(): Promise<void> {
    const socket = await open(this.target, this.options);
    let failure: Error | undefined;
    // A server whose client is gone, or a network that forgot us while we were at rest, is noticed by the system.
    socket.setKeepAlive(true, this.options.answerWithinMs);
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.answered();
      // The driver would keep it for the first query of the connection after this one, which then fails of it.
      const word = lastWord(bytes);
      if (word !== undefined) this.destroy(word);
      else if (!this.push(bytes)) socket.pause();
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      this.destroy(this.writableEnded ? undefined : closed(failure));
    });
    this.socket = socket;
  }

  private answered(): void {
    clearTimeout(this.deadline);
    this.deadline = undefined;
    this.heardAt = performance.now();
  }

  private endInSilence(askedAt: number): void {
    const { answerWithinMs } = this.options;
    // Those at rest that have heard nothing since are most likely lost as well, and each would cost a query as long.
    for (const other of this.pool) {
      if (other.deadline === undefined && other.heardAt < askedAt) other.destroy();
    }
    this.destroy(new BrokenError('ETIMEDOUT', `PostgreSQL has not answered for ${answerWithinMs / 1_000} s`));
  }
}

/** @returns the driver's `socket` option, for one pool */
export function connections(options: ConnectionOptions): (target: Target) => Duplex {
  const pool = new Set<Connection>();
  return (target) => new Connection(target, options, pool);
}
