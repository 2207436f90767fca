import { join, resolve } from 'node:path';
import { BillDesk } from './bills/desk.js';
import { claimFolder } from './claim.js';
import type { SandboxConfig } from './config.js';
import { controlApp } from './control/app.js';
import type { Desk } from './control/desk.js';
import { CHANNELS, type Channel, type Gateway, type GatewayContext } from './gateway.js';
import { GATEWAYS } from './gateways/index.js';
import { createSms, SMS_OFFSET } from './gateways/sms/index.js';
import { Faults } from './notify/faults.js';
import { Notifier } from './notify/notifier.js';
import { bindPorts, type BoundPorts } from './ports.js';
import { PayoutDesk } from './state/payouts.js';
import { RefundDesk, type RefundListener } from './state/refunds.js';
import { openStore } from './state/store.js';
import { TradeBook } from './state/trades.js';
import { privateFolder, writeWhole } from './values/keys.js';

/** How to start; `port` 0 takes any six free ports in a row. */
export interface SandboxOptions extends Omit<SandboxConfig, 'merchantUrl'> {
  /** The merchant's API; its usual address on this machine when left out. */
  readonly merchantUrl?: string;
  /** Provider time in epoch ms, for trade expiry and the times in answers; the real clock when left out. */
  readonly now?: () => number;
  /** Told of errors that belong to no call; standard error when left out. */
  readonly report?: (error: unknown) => void;
}

/** A running sandbox. */
export interface Sandbox {
  /** The control port; the providers’ own are above it. */
  readonly port: number;
  /** The file of environment variables for the product. */
  readonly merchantFile: string;
  /** Stops everything; what was due is taken up at the next start. */
  close(): Promise<void>;
}

const CONTROL_OFFSET = 0;
const USUAL_MERCHANT = 'http://127.0.0.1:3000';

/**
 * Starts the local providers.
 * @throws StartError when a port is taken, the state is damaged or the folder is in use
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const offsets = [CONTROL_OFFSET, ...CHANNELS.map((channel) => GATEWAYS[channel].portOffset), SMS_OFFSET];
  const ports = await bindPorts(options.port, offsets);
  try {
    return await startOn(ports, options);
  } catch (error) {
    await ports.close();
    throw error;
  }
}

async function startOn(ports: BoundPorts, options: SandboxOptions): Promise<Sandbox> {
  const { speed, now = Date.now, report = toStandardError, merchantUrl = USUAL_MERCHANT } = options;
  const home = resolve(options.home);
  const folder = join(home, 'sandbox');
  await privateFolder(folder);
  await claimFolder(folder, home, ports.port);
  const store = await openStore(folder);
  const url = (offset: number): string => `http://127.0.0.1:${ports.port + offset}`;
  const cashierUrl = (tradeNo: string): string =>
    `${url(CONTROL_OFFSET)}/cashier/${encodeURIComponent(tradeNo)}`;
  const trades = new TradeBook(store, now);
  const faults = new Faults(store);
  const notifier = new Notifier({
    store,
    faults,
    wireOf: (channel) => gateways[channel].notifications,
    speed,
    report,
  });
  const refunds = new RefundDesk({
    store,
    trades,
    listener: tellOfRefund(notifier, () => gateways),
    now,
    report,
  });
  const payouts = new PayoutDesk({
    store,
    listener: async (payout, notify) => {
      await notifier.announcePayout(payout, notify);
    },
    now,
    speed,
    report,
  });
  const bills = new BillDesk(store);
  const parts = { store, trades, refunds, payouts, bills, faults, cashierUrl, now, report };
  const contextOf = (channel: Channel): GatewayContext => ({
    ...parts,
    folder,
    webhookUrl: () => store.webhooks.get(channel) ?? `${merchantUrl.replace(/\/$/, '')}/webhooks/${channel}`,
    baseUrl: url(GATEWAYS[channel].portOffset),
  });
  const gateways = await createGateways(contextOf);
  const sms = await createSms({ folder, baseUrl: url(SMS_OFFSET), store, faults, now, report });
  const merchantFile = join(folder, 'merchant.json');
  await writeWhole(
    merchantFile,
    `${JSON.stringify({ ...merchantEnvironment(gateways), ...sms.merchantEnvironment }, null, 2)}\n`,
  );
  const desk: Desk = {
    ...parts,
    home,
    merchantFile,
    notifier,
    gateways,
    sms,
  };
  ports.serve(CONTROL_OFFSET, controlApp(desk));
  for (const channel of CHANNELS) ports.serve(GATEWAYS[channel].portOffset, gateways[channel].app);
  ports.serve(SMS_OFFSET, sms.app);
  refunds.resume();
  payouts.resume();
  notifier.resume();
  const stop = async (): Promise<void> => {
    await ports.close();
    refunds.stop();
    payouts.stop();
    await notifier.stop();
    await store.close();
  };
  let stopped: Promise<void> | null = null;
  return { port: ports.port, merchantFile, close: () => (stopped ??= stop()) };
}

async function createGateways(
  contextOf: (channel: Channel) => GatewayContext,
): Promise<Readonly<Record<Channel, Gateway>>> {
  const made = await Promise.all(
    CHANNELS.map(async (channel) => [channel, await GATEWAYS[channel].create(contextOf(channel))] as const),
  );
  return Object.fromEntries(made) as Record<Channel, Gateway>;
}

function merchantEnvironment(gateways: Readonly<Record<Channel, Gateway>>): Record<string, string> {
  return Object.assign({}, ...CHANNELS.map((channel) => gateways[channel].merchantEnvironment)) as Record<
    string,
    string
  >;
}

/** A settled refund is told of where the provider does so, unless the settling call decided it. */
function tellOfRefund(
  notifier: Notifier,
  gateways: () => Readonly<Record<Channel, Gateway>>,
): RefundListener {
  return async (refund, trade, notify) => {
    const wire = gateways()[refund.channel].notifications;
    if (refund.notifyUrl !== null && wire.tellsOfRefund(refund, trade, notify)) {
      await notifier.announce(trade, refund, refund.notifyUrl);
    }
  };
}

function toStandardError(error: unknown): void {
  process.stderr.write(
    `sandbox: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}
