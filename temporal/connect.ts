import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { payloadCodec } from './codec.js';

export interface TemporalSettings {
  address: string;
  namespace: string;
  payloadKey: string | undefined;
}

/** The same on client and worker from the first day: histories outlive releases. */
export function dataConverterOf(settings: TemporalSettings): DataConverter {
  return settings.payloadKey === undefined ? {} : { payloadCodecs: [payloadCodec(settings.payloadKey)] };
}

/** Address, TLS and API key as every Temporal program reads them from its environment and profile. */
export function connectionOptions(settings: TemporalSettings) {
  const { connectionOptions: fromEnvironment } = loadClientConnectConfig();
  return { ...fromEnvironment, address: settings.address };
}

export interface Temporal {
  client: Client;
  connection: Connection;
  close(): Promise<void>;
}

/**
 * Left alone, gRPC waits up to two minutes before it connects again, and takes 45 s to notice a network that swallows
 * everything: both too long for orders that must go on within a minute of an outage. A ping more often than every 10 s
 * would be refused by Temporal's frontend.
 */
const CHANNEL = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.keepalive_time_ms': 15_000,
  'grpc.keepalive_timeout_ms': 5_000,
};

/** Connects in the background: the API starts, and takes orders, while Temporal is down. */
export function openTemporal(settings: TemporalSettings): Temporal {
  const connection = Connection.lazy({ ...connectionOptions(settings), channelArgs: CHANNEL });
  const client = new Client({
    connection,
    namespace: settings.namespace,
    dataConverter: dataConverterOf(settings),
  });
  return { client, connection, close: () => connection.close() };
}

/** Every call has a deadline: without one, a signal hangs for about 20 s when Temporal is down. */
export function withDeadline<T>(client: Client, deadlineMs: number, call: () => Promise<T>): Promise<T> {
  return client.connection.withDeadline(Date.now() + deadlineMs, call);
}
