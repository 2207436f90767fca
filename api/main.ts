/** The API's process: configuration, database, migrations, then it listens until it is told to stop. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createChannels } from '../channels/index.js';
import { type Config, ConfigError, readConfig } from '../config.js';
import { armCrashPoint } from '../crash-points.js';
import { openDatabase } from '../db/client.js';
import { ensureSchema } from '../db/migrations.js';
import { forgetDelivered } from '../db/webhooks.js';
import { createInline } from '../relay/inline.js';
import { openTemporal } from '../temporal/connect.js';
import { createApp } from './app.js';
import { guardProcess } from '../db/driver-guard.js';
import { isDatabaseOut } from './failures.js';
import { forgetOldKeys } from './idempotency.js';
import { createLiveEvents } from './live-events.js';
import { createLogger } from './logging.js';
import { createMetrics } from './metrics.js';
import { createApiServer } from './server.js';
import { temporalProbes } from './temporal-probes.js';

// Longer than any handler may take, shorter than what process managers allow before they kill.
const DRAIN_MS = 10_000;
const HOUSEKEEPING_MS = 3_600_000;

/** A mistake of who runs this: said in one line, without a stack. */
class StartError extends Error {}

async function migrated({ database }: Config): Promise<void> {
  try {
    await ensureSchema(database);
  } catch (error) {
    if (!isDatabaseOut(error)) throw error;
    const { host } = new URL(database.migrationUrl);
    throw new StartError(`no database answers at ${host}: start it, or correct DATABASE_URL`, {
      cause: error,
    });
  }
}

async function listening(server: Server, { host, port }: Config): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? `port ${port} is taken: free it, or set PORT` : error.message;
      reject(new StartError(why, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  return server.address() as AddressInfo;
}

/** No new connections; what is under way is finished, within the limit. */
async function drained(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const limit = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(limit);
}

function keepHouse(work: () => Promise<void>, logger: Logger): NodeJS.Timeout {
  const tick = (): void => {
    work().catch((error: unknown) => logger.warn({ err: error }, 'old rows were not removed'));
  };
  return setInterval(tick, HOUSEKEEPING_MS).unref();
}

function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}

async function main(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  armCrashPoint(config.crashAt, config.crashAbout);
  guardProcess(logger);
  await migrated(config);
  const database = openDatabase(config.database.url, { pool: config.database.pool, name: 'holdfast-api' });
  const temporal = openTemporal(config.temporal);
  const channels = createChannels(config.channels);
  const inline = createInline(database.db, temporal.client, logger);
  const liveEvents = createLiveEvents(database.db, logger);
  const app = createApp({
    config,
    db: database.db,
    channels,
    commands: {
      db: database.db,
      temporal: temporal.client,
      inline,
      channels,
      now: Date.now,
      publicUrl: config.publicUrl,
      windows: config.windows,
    },
    liveEvents,
    logger,
    metrics: createMetrics(),
    probes: temporalProbes(temporal, config.temporal.namespace),
  });
  const server = createApiServer(app, logger);
  const { port } = await listening(server, config);
  const housekeeping = keepHouse(async () => {
    await forgetOldKeys(database.db);
    await forgetDelivered(database.db);
  }, logger);
  logger.info({ host: config.host, port }, 'the API listens');
  const signal = await untilSignal();
  logger.info({ signal }, 'the API stops');
  clearInterval(housekeeping);
  liveEvents.close();
  await drained(server);
  await inline.drain();
  await temporal.close();
  await database.close();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StartError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
