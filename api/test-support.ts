/** A listening app for tests, with a client that remembers nothing and hides nothing. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import type express from 'express';
import type { Logger } from 'pino';
import { createChannels } from '../channels/index.js';
import { type Config, readConfig } from '../config.js';
import type { CommandContext } from '../commands/context.js';
import type { Db } from '../db/client.js';
import { createInline } from '../relay/inline.js';
import { openTemporal } from '../temporal/connect.js';
import { createApp } from './app.js';
import { createLiveEvents } from './live-events.js';
import { createLogger } from './logging.js';
import { createMetrics } from './metrics.js';
import { createApiServer } from './server.js';
import type { Services } from './services.js';

export const ADMIN_KEY = 'canary-admin-key-0123456789-0123456789';

export interface TestAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** The parsed body; undefined when there is none or it is no JSON. */
  json: Record<string, unknown>;
}

export interface SendOptions {
  /** Goes out as `Authorization: Bearer`. */
  as?: string | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

export interface Client {
  send(method: string, path: string, options?: SendOptions): Promise<TestAnswer>;
  /** As the configured admin key. */
  admin(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<TestAnswer>;
}

export interface TestApp extends Client {
  app: express.Express;
  url: string;
  services: Services;
  /** Everything that was logged, as it was written. */
  logs(): string;
  close(): Promise<void>;
}

/** Commands with no Temporal behind them: what is committed waits, as it does while Temporal is down. */
function commandsWithoutTemporal(db: Db, config: Config, logger: Logger): CommandContext {
  const { client } = openTemporal({ address: '127.0.0.1:1', namespace: 'default', payloadKey: undefined });
  return {
    db,
    temporal: client,
    inline: createInline(db, client, logger),
    channels: createChannels({}),
    now: Date.now,
    publicUrl: config.publicUrl,
    windows: config.windows,
  };
}

export function testServices(
  db: Db,
  overrides: Partial<Services> = {},
): { services: Services; logs: () => string } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const config = readConfig({ DATABASE_URL: 'postgres://unused/unused', ADMIN_API_KEY: ADMIN_KEY });
  const logger = createLogger('debug', destination);
  const services: Services = {
    config: { ...config, rateLimitPerMinute: 1_000_000 },
    db,
    channels: createChannels({}),
    commands: commandsWithoutTemporal(db, config, logger),
    liveEvents: createLiveEvents(db, logger),
    logger,
    metrics: createMetrics(),
    probes: { temporal: () => Promise.resolve(), worker: () => Promise.resolve() },
    checkAnswers: true,
    ...overrides,
  };
  return { services, logs: () => lines.join('') };
}

async function listen(app: express.Express, logger: Logger): Promise<{ server: Server; url: string }> {
  const server = createApiServer(app, logger);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}` };
}

function parsed(text: string): Record<string, unknown> {
  return text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {};
}

export function parsedAnswer(status: number, headers: Headers, text: string): TestAnswer {
  return { status, headers, text, json: parsed(text) };
}

export function clientOf(url: string): Client {
  async function send(method: string, path: string, options: SendOptions = {}): Promise<TestAnswer> {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(options.as !== undefined && { authorization: `Bearer ${options.as}` }),
        ...(options.body !== undefined && { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
      ...(options.raw !== undefined && { body: options.raw }),
    });
    const text = await answer.text();
    return parsedAnswer(answer.status, answer.headers, text);
  }
  return {
    send,
    admin: (method, path, body, headers = {}) => send(method, path, { as: ADMIN_KEY, body, headers }),
  };
}

export async function startTestApp(db: Db, overrides: Partial<Services> = {}): Promise<TestApp> {
  const { services, logs } = testServices(db, overrides);
  const app = createApp(services);
  const { server, url } = await listen(app, services.logger);
  return {
    app,
    url,
    services,
    ...clientOf(url),
    logs,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
      }),
  };
}

/** Every row of a list, page by page, as the admin. @param path with a limit in its query */
export async function allRows(api: TestApp, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let next: unknown = '';
  do {
    const page = await api.admin(
      'GET',
      typeof next === 'string' && next !== '' ? `${path}&cursor=${next}` : path,
    );
    if (page.status !== 200) throw new Error(page.text);
    rows.push(...(page.json['data'] as Record<string, unknown>[]));
    next = page.json['nextCursor'];
  } while (next !== null);
  return rows;
}

/** Three members and an operator, each named after their id. */
export const PEOPLE = [
  ['alice', 'member'],
  ['sally', 'member'],
  ['bob', 'member'],
  ['oscar', 'operator'],
] as const;

export async function addPeople(api: Client): Promise<void> {
  for (const [id, role] of PEOPLE) await api.admin('PUT', `/v1/users/${id}`, { name: id, role });
}
