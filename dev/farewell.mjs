import { join, relative } from 'node:path';
import { DEMO_BUYER, DEMO_SELLER } from './demo.mjs';
import { seconds } from './report.mjs';
import { apiUrl, isLoopback } from './settings.mjs';

/**
 * Says where everything is, and gives a first order to paste.
 *
 * @param {{ settings: import('./settings.mjs').Settings, home: string, report: import('./report.mjs').Report, newKey: string | undefined, startedAt: number }} options
 * `newKey`: the admin key, on the run that made it
 */
export function farewell({ settings, home, report, newKey, startedAt }) {
  const api = apiUrl(settings);
  const keyFile = join(home, 'admin-api-key');
  const shownFile = relative(process.cwd(), keyFile);
  const file = shownFile.startsWith('..') ? keyFile : shownFile;
  report.line();
  report.line(`Holdfast is ready (${seconds(startedAt)}).`);
  report.line();
  report.line(`  API          ${api}`);
  report.line(`  Reference    ${api}/docs`);
  if (settings.temporalAddress === undefined)
    report.line(`  Temporal UI  http://127.0.0.1:${settings.temporalUiPort}`);
  else report.line(`  Temporal     ${settings.temporalAddress} (TEMPORAL_ADDRESS)`);
  report.line(`  Sandbox      http://127.0.0.1:${settings.sandboxPort}/keys`);
  if (settings.adminApiKey) report.line('  Admin key    the one in ADMIN_API_KEY');
  else report.line(`  Admin key    in ${file}${newKey === undefined ? '' : ', shown this once:'}`);
  if (newKey !== undefined) report.line(`               ${newKey}`);
  report.line(`  Logs         ${join(home, 'logs')}`);
  report.line();
  if (settings.env['LEGACY_AUTH'] !== 'strict' && isLoopback(settings.host)) {
    report.warn(
      'The dialects take calls without a token where their documents print none (LEGACY_AUTH=documented).',
    );
    report.warn(`That is for this machine only: it listens on ${settings.host} alone.`);
    report.line();
  }
  if (settings.databaseUrl === undefined) firstOrder(settings, file, report);
  else report.line('The database is yours (DATABASE_URL): no demo users were put into it.');
  report.line();
  report.line('Ctrl-C to stop.');
}

/**
 * @param {import('./settings.mjs').Settings} settings
 * @param {string} keyFile
 * @param {import('./report.mjs').Report} report
 */
function firstOrder(settings, keyFile, report) {
  const bearer = settings.adminApiKey
    ? '$ADMIN_API_KEY'
    : `$(cat '${keyFile.replaceAll("'", String.raw`'\''`)}')`;
  const order = {
    kind: 'deal',
    buyerId: DEMO_BUYER,
    sellerId: DEMO_SELLER,
    amount: 1200,
    currency: 'CNY',
    subject: 'First order',
  };
  report.line('A first order:');
  report.line();
  report.line(`  curl -s ${apiUrl(settings)}/v1/orders \\`);
  report.line(`    -H "authorization: Bearer ${bearer}" \\`);
  report.line(`    -H "content-type: application/json" -H "idempotency-key: first-$(date +%s)" \\`);
  report.line(`    -d '${JSON.stringify(order)}'`);
}
