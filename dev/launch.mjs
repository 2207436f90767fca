import { realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { loadDemo } from './demo.mjs';
import { keepSecret, openHome, randomSecret } from './files.mjs';
import { takeLock } from './lock.mjs';
import { endOrphans } from './orphans.mjs';
import { ensurePackages } from './packages.mjs';
import { knownHolder } from './pg-account.mjs';
import { demandPorts } from './ports.mjs';
import { farewell } from './farewell.mjs';
import { marksOfChildren, STOP_ORDER } from './services.mjs';
import { SANDBOX_PORTS } from './settings.mjs';
import { choosePorts, startStack } from './stack.mjs';
import { Supervisor } from './supervisor.mjs';
import { temporalFile } from './temporal.mjs';

/**
 * @typedef {object} LaunchOptions
 * @property {import('./settings.mjs').Settings} settings
 * @property {import('./services.mjs').Scripts} scripts
 * @property {import('./report.mjs').Report} report
 * @property {AbortSignal} signal Ctrl-C: `run` then throws its reason
 *
 * @typedef {object} Launcher
 * @property {() => Promise<void>} run returns once everything answers
 * @property {() => Promise<void>} stop ends everything that was started, in reverse order
 * @property {() => void} kill ends everything at once; `stop` then returns at once
 */

/**
 * The embedded run, from an empty folder to a working installation.
 *
 * @param {LaunchOptions} options
 * @returns {Launcher}
 */
export function createLauncher({ settings, scripts, report, signal }) {
  /** @type {(() => void) | undefined} */
  let giveLockBack;
  /** @type {Supervisor | undefined} */
  let supervisor;

  return {
    async run() {
      const startedAt = performance.now();
      openHome(settings.home);
      const home = realpathSync(settings.home);
      giveLockBack = takeLock(home);
      await ensurePackages(settings.root, { withDev: false, report, signal });
      await clearTheWay({ settings, scripts, report, home });
      const ports = await choosePorts(home, settings.postgresPort);
      await demandPorts(wantedPorts(settings, ports));
      supervisor = new Supervisor({ home, report });
      const keyFile = join(home, 'admin-api-key');
      const key = settings.adminApiKey
        ? { value: settings.adminApiKey, isNew: false }
        : keepSecret(keyFile, () => randomSecret('hf_admin_'));
      let shown = false;
      try {
        const adminApiKey = key.value;
        await startStack({ settings, home, scripts, report, supervisor, signal, adminApiKey, ports });
        // Demo users belong into a database that this launcher made, and into no other.
        if (settings.databaseUrl === undefined) await loadDemo({ settings, adminApiKey, report, signal });
        farewell({ settings, home, report, newKey: key.isNew ? key.value : undefined, startedAt });
        shown = true;
      } finally {
        // A key is shown once: one that never was is made anew.
        if (key.isNew && !shown) rmSync(keyFile, { force: true });
      }
    },

    async stop() {
      await supervisor?.stop(STOP_ORDER);
      giveLockBack?.();
    },

    kill: () => supervisor?.killAll(),
  };
}

/**
 * @param {Omit<LaunchOptions, 'signal'> & { home: string }} options
 */
async function clearTheWay({ settings, scripts, report, home }) {
  const holder = knownHolder(home);
  const marks = marksOfChildren({
    scripts,
    data: holder === undefined ? undefined : join(holder, 'data'),
    temporalFile: temporalFile(home),
  });
  const ports = wantedPorts(settings, undefined).map(({ port }) => port);
  const ended = await endOrphans({ home, marks, ports });
  if (ended.length > 0) report.line(`  ok Ended what a killed launcher left running: ${ended.join(', ')}`);
}

/**
 * @param {import('./settings.mjs').Settings} settings
 * @param {import('./stack.mjs').Ports | undefined} chosen
 * @returns {import('./ports.mjs').PortWish[]}
 */
function wantedPorts(settings, chosen) {
  /** @type {import('./ports.mjs').PortWish[]} */
  const wishes = [{ port: settings.port, variable: 'PORT', use: 'the API', host: settings.host }];
  if (settings.temporalAddress === undefined) {
    wishes.push(
      { port: settings.temporalPort, variable: 'TEMPORAL_PORT', use: 'Temporal' },
      { port: settings.temporalUiPort, variable: 'TEMPORAL_UI_PORT', use: "Temporal's UI" },
    );
  }
  for (let offset = 0; offset < SANDBOX_PORTS; offset += 1) {
    const use = `the sandbox (${SANDBOX_PORTS} ports from ${settings.sandboxPort} on)`;
    wishes.push({ port: settings.sandboxPort + offset, variable: 'SANDBOX_PORT', use });
  }
  const postgresPort = chosen?.postgres ?? settings.postgresPort;
  if (settings.databaseUrl === undefined && postgresPort !== undefined) {
    wishes.push({ port: postgresPort, variable: 'HOLDFAST_PG_PORT', use: 'PostgreSQL' });
  }
  return wishes;
}
