/**
 * Everything that a notification meets: the real HTTP application on a port, the relay, a worker with the real
 * activities, the server that people run, PostgreSQL and the providers.
 */
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inArray } from 'drizzle-orm';
import { pino } from 'pino';
import { createApp } from '../../api/app.js';
import { type Client, clientOf, testServices } from '../../api/test-support.js';
import type { CommandContext } from '../../commands/context.js';
import type { Config } from '../../config.js';
import type { Db } from '../../db/client.js';
import { orders } from '../../db/schema.js';
import type { MoneyState } from '../../domain/order-status.js';
import { createInline } from '../../relay/inline.js';
import { startRelay } from '../../relay/relay.js';
import { type Flow, type FlowOptions, startFlow } from '../support/flow.js';
import { addUsers } from '../support/world.js';
import { type Letter, type Post, openPosts, type LetterChannel } from './letters.js';

export interface Stage {
  flow: Flow;
  db: Db;
  context: CommandContext;
  posts: Record<LetterChannel, Post>;
  /** @returns status and body, as the provider sees them */
  deliver: (to: LetterChannel, letter: Letter) => Promise<string>;
  /** Resolves once the order's money is no more as it was, or after a minute: then the model will tell. */
  changed: (orderNo: string, from: MoneyState) => Promise<void>;
  /** How many notifications the API has counted under a verdict. */
  counted: (verdict: 'paid' | 'other' | 'refund' | 'refused') => Promise<number>;
  /** What the inline attempts and the relay left for later. */
  warnings: string[];
  close: () => Promise<void>;
}

async function listen(): Promise<{ server: Server; url: string }> {
  const server = createServer();
  // A client that was kept waiting by a busy machine must not find its connection closed.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

export interface StageOptions extends Pick<FlowOptions, 'providerTimeoutMs' | 'channels'> {
  /** What is not as an installation has it by itself. */
  config?: Partial<
    Pick<Config, 'takesDocumentedCalls' | 'campusWebPath' | 'courseRelay' | 'factorySubDomain'>
  >;
}

export async function openStage({ config = {}, ...options }: StageOptions = {}): Promise<Stage> {
  // First the address, which the providers are told; then who answers there.
  const { server, url } = await listen();
  const flow = await startFlow({
    ...options,
    realServer: true,
    publicUrl: url,
    maxCachedWorkflows: 400,
    pool: 16,
  });
  const { db } = flow.context;
  await addUsers(db);
  const warnings: string[] = [];
  const log = {
    warn: (facts: object, message: string) => {
      const { err } = facts as { err?: unknown };
      warnings.push(`${message}: ${String(err)}`);
    },
  };
  const temporal = flow.environment.client;
  const context = { ...flow.context, publicUrl: url, inline: createInline(db, temporal, log) };
  const { channels } = context;
  const { services: plain } = testServices(db, {
    channels,
    commands: context,
    logger: pino({ level: 'silent' }),
  });
  const services = {
    ...plain,
    config: { ...plain.config, ...config, publicUrl: url, rateLimitPerMinute: 1_000_000 },
  };
  server.on('request', createApp(services));
  const relay = startRelay({ db, temporal, channels, publicUrl: url, log });
  return {
    flow,
    db,
    context,
    warnings,
    posts: await openPosts(flow.providers.home),
    deliver: delivery(clientOf(url)),
    changed: watchOrders(db),
    counted: async (verdict) => {
      const { values } = await services.metrics.notifications.get();
      const found = values.filter(({ labels }) => labels.verdict === verdict);
      return found.reduce((sum, { value }) => sum + value, 0);
    },
    close: async () => {
      await relay.stop();
      await context.inline.drain();
      await flow.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const delivery =
  (client: Client): Stage['deliver'] =>
  async (to, { body, headers }) => {
    const answer = await client.send('POST', `/webhooks/${to}`, { raw: body, headers: { ...headers } });
    return `${answer.status} ${answer.text}`;
  };

const WATCH_MS = 60;
const LONGEST_CHANGE_MS = 60_000;

interface Waiter {
  from: MoneyState;
  since: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** One query a round for all that are waited for: one each would be most of the load. */
function watchOrders(db: Db): Stage['changed'] {
  const waiting = new Map<string, Waiter>();
  const look = async (): Promise<void> => {
    const rows = await db
      .select({ orderNo: orders.orderNo, money: orders.money })
      .from(orders)
      .where(inArray(orders.orderNo, [...waiting.keys()]));
    for (const { orderNo, money } of rows) {
      const waiter = waiting.get(orderNo);
      if (waiter === undefined) continue;
      const isLong = Date.now() - waiter.since > LONGEST_CHANGE_MS;
      if (waiter.from === money && !isLong) continue;
      waiting.delete(orderNo);
      waiter.resolve();
    }
  };
  const round = (): void => {
    setTimeout(() => {
      look()
        .catch((error: unknown) => {
          for (const { reject } of waiting.values()) reject(error);
          waiting.clear();
        })
        .finally(() => {
          if (waiting.size > 0) round();
        });
    }, WATCH_MS);
  };
  return (orderNo, from) =>
    new Promise((resolve, reject) => {
      waiting.set(orderNo, { from, since: Date.now(), resolve, reject });
      if (waiting.size === 1) round();
    });
}
