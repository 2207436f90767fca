import { readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlipaySdk } from 'alipay-sdk';
import { afterAll, vi } from 'vitest';
import { Wechatpay } from 'wechatpay-axios-plugin';
import { startSandbox, type Sandbox, type SandboxOptions } from './server.js';
import { toCst } from './values/times.js';

/** The product's environment variables, as the sandbox wrote them. */
export type MerchantEnvironment = Readonly<Record<string, string>>;

/** An answer of the control API. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** `body.data`, where the answer is a list. */
  readonly data: readonly Record<string, unknown>[];
}

/** A sandbox under test, with the control API at hand. */
export interface TestSandbox extends Sandbox {
  readonly home: string;
  readonly environment: MerchantEnvironment;
  control(method: string, path: string, body?: unknown): Promise<ControlAnswer>;
}

/** One request that the merchant's notify address got. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A merchant's notify address: a real HTTP server that keeps what it gets. */
export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** How it answers the nth request, from 0. */
  answer: (nth: number, request: Received) => { status: number; body?: string } | 'hang';
  /** Resolves when at least `count` requests came. */
  until(count: number): Promise<readonly Received[]>;
}

const folders: string[] = [];
const closers: (() => Promise<void>)[] = [];
let keyHome: string | null = null;
let numbers = 0;

afterAll(async () => {
  for (const close of closers.splice(0)) await close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A merchant's order number that no other test of this process uses. */
export function orderNo(): string {
  numbers += 1;
  return `test${String(numbers).padStart(12, '0')}`;
}

/** A HOLDFAST_HOME of its own. RSA keys are slow to make, so it has those of the first sandbox, if one ran. */
export async function testHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'sandbox-test-'));
  folders.push(home);
  if (keyHome === null) return home;
  const from = join(keyHome, 'sandbox');
  await mkdir(join(home, 'sandbox'), { mode: 0o700 });
  for (const name of await readdir(from)) {
    if (/\.pem$|-account\.json$/.test(name)) await copyFile(join(from, name), join(home, 'sandbox', name));
  }
  return home;
}

/** Starts a sandbox on free ports; it is closed after the file's tests at the latest. */
export async function testSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const home = options.home ?? (await testHome());
  const sandbox = await startSandbox({ port: 0, speed: 1_000_000, ...options, home });
  closers.push(() => sandbox.close());
  keyHome ??= home;
  const environment = JSON.parse(await readFile(sandbox.merchantFile, 'utf8')) as MerchantEnvironment;
  return {
    ...sandbox,
    home,
    environment,
    control: (method, path, body) => control(sandbox.port, method, path, body),
  };
}

export async function control(
  port: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<ControlAnswer> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const parsed = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, body: parsed, data: (parsed['data'] ?? []) as ControlAnswer['data'] };
}

/** Starts a notify address that answers `reply` unless a test says otherwise. */
export async function testReceiver(reply: { status: number; body?: string }): Promise<Receiver> {
  const received: Received[] = [];
  const receive = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const request = { headers: req.headers, body: await readAll(req) };
    received.push(request);
    const answer = receiver.answer(received.length - 1, request);
    if (answer !== 'hang') res.writeHead(answer.status).end(answer.body ?? '');
  };
  const server = createServer((req, res) => void receive(req, res));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/notify`,
    received,
    answer: () => reply,
    until: (count) =>
      vi.waitFor(
        () => {
          if (received.length < count) throw new Error(`${received.length} of ${count} notifications came`);
          return received;
        },
        { timeout: 10_000, interval: 5 },
      ),
  };
  return receiver;
}

async function readAll(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The official Alipay client, as a merchant would set it up from the written environment. */
export async function alipayClient(environment: MerchantEnvironment): Promise<AlipaySdk> {
  return new AlipaySdk({
    appId: environment['ALIPAY_APP_ID'] ?? '',
    privateKey: await readFile(environment['ALIPAY_PRIVATE_KEY'] ?? '', 'utf8'),
    alipayPublicKey: await readFile(environment['ALIPAY_PUBLIC_KEY'] ?? '', 'utf8'),
    gateway: environment['ALIPAY_GATEWAY'] ?? '',
    keyType: 'PKCS8',
  });
}

/** The official Alipay client of a merchant in certificate mode, with what `GET /keys` hands out. */
export async function alipayCertificateClient(sandbox: TestSandbox): Promise<AlipaySdk> {
  const { alipay } = (await sandbox.control('GET', '/keys')).body as { alipay: Record<string, string> };
  return new AlipaySdk({
    appId: sandbox.environment['ALIPAY_APP_ID'] ?? '',
    privateKey: await readFile(sandbox.environment['ALIPAY_PRIVATE_KEY'] ?? '', 'utf8'),
    appCertContent: alipay['appCertificate'] ?? '',
    alipayPublicCertContent: alipay['alipayCertificate'] ?? '',
    alipayRootCertContent: alipay['rootCertificate'] ?? '',
    gateway: sandbox.environment['ALIPAY_GATEWAY'] ?? '',
    keyType: 'PKCS8',
  });
}

/** Alipay wants GMT+8; its client would send the host's local time. */
export const timestamp = (): string => toCst(Date.now());

/**
 * The official-style WeChat Pay client, as a merchant would set it up from the written environment. Not async:
 * the client is a proxy that has a `then` like any other path, so awaiting it would call the gateway.
 */
export function wechatClient(
  environment: MerchantEnvironment,
  changes: { mchid?: string; serial?: string; privateKey?: string; baseURL?: string } = {},
): Wechatpay {
  const publicKey = readFileSync(environment['WECHAT_PUBLIC_KEY'] ?? '', 'utf8');
  return new Wechatpay({
    mchid: environment['WECHAT_MCH_ID'] ?? '',
    serial: environment['WECHAT_SERIAL'] ?? '',
    privateKey: readFileSync(environment['WECHAT_PRIVATE_KEY'] ?? '', 'utf8'),
    certs: { [environment['WECHAT_PUBLIC_KEY_ID'] ?? '']: publicKey },
    baseURL: environment['WECHAT_BASE_URL'] ?? '',
    timeout: 5_000,
    proxy: false,
    ...changes,
  });
}
