/** Runs workflows, activities and the relay, until it is told to stop. Any number of these may run. */
import { type Logger, pino } from 'pino';
import { createChannels } from '../channels/index.js';
import { createSmsProviders } from '../channels/sms.js';
import { type Config, ConfigError, readConfig } from '../config.js';
import { armCrashPoint } from '../crash-points.js';
import { type Database, openDatabase } from '../db/client.js';
import { guardProcess } from '../db/driver-guard.js';
import { ensureSchema } from '../db/migrations.js';
import { within } from '../db/probe.js';
import { type Outgoing, createOutgoing } from '../outgoing/post.js';
import { type DeliveryLane, startDeliveries } from '../relay/delivery-lane.js';
import { startRelay } from '../relay/relay.js';
import { openTemporal } from '../temporal/connect.js';
import { ensureSchedules } from '../temporal/schedules.js';
import { registerSearchAttributes } from '../temporal/search-attributes.js';
import { healthServer } from './health.js';
import { CONNECT_MS, createWorker } from './run.js';

async function main(): Promise<void> {
  const config = readConfig();
  const log = pino({ level: config.logLevel, name: 'worker' });
  armCrashPoint(config.crashAt, config.crashAbout);
  guardProcess(log);
  await ensureSchema(config.database);
  const database = openDatabase(config.database.url, { pool: config.database.pool, name: 'holdfast-worker' });
  const outgoing = createOutgoing({ allowPrivate: config.allowPrivateUrls });
  // Before Temporal, which they do not need: merchants hear of what has happened while it is down.
  const deliveries = startDeliveries({
    db: database.db,
    outgoing,
    payloadKey: config.temporal.payloadKey,
    log,
  });
  try {
    await work(config, database, { deliveries, outgoing }, log);
  } finally {
    await deliveries.stop();
    await database.close();
  }
}

async function work(
  config: Config,
  database: Database,
  { deliveries, outgoing }: { deliveries: DeliveryLane; outgoing: Outgoing },
  log: Logger,
): Promise<void> {
  const channels = createChannels(config.channels);
  const temporal = openTemporal(config.temporal);
  await within(
    CONNECT_MS,
    registerSearchAttributes(temporal.connection, config.temporal.namespace),
    'Temporal',
  );
  const reconciled = Object.values(channels).flatMap((channel) => (channel?.bill ? [channel.name] : []));
  await within(CONNECT_MS, ensureSchedules(temporal.client, reconciled), 'Temporal');
  const { home, publicUrl } = config;
  const sms = createSmsProviders(config.sms);
  const parts = { db: database.db, channels, sms, outgoing, publicUrl, temporal: config.temporal, home, log };
  const { worker, connection } = await createWorker(parts);
  const relay = startRelay({
    db: database.db,
    temporal: temporal.client,
    channels,
    publicUrl,
    log,
  });
  const health = healthServer({
    db: database.db,
    connection: temporal.connection,
    state: () => worker.getState(),
  });
  health.listen(config.workerHealthPort, config.host);

  const stop = (): void => {
    void deliveries.stop();
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  log.info('the worker runs');
  await worker.run();
  await relay.stop();
  health.close();
  await connection.close();
  await temporal.close();
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof ConfigError ? error.message : String((error as Error).stack ?? error)}\n`,
  );
  process.exitCode = 1;
});
