/** Schemathesis over the running API: its settings, a run, and what it reports. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Examples of each operation, in each phase that makes them up. */
const EXAMPLES = 200;
const SEED = 7;
const PHASES = ['examples', 'coverage', 'fuzzing', 'stateful'];
/**
 * All but `positive_data_acceptance`: what a schema allows may still break a rule between fields, such as a deal
 * without a seller, and be refused for it. And but for `object_level_authorization`, which knows two users of one API
 * by their credentials; strangers.test.ts and the authorization matrix know more of them.
 */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'missing_required_header',
  'unsupported_method',
  'allow_header_conformance',
  'use_after_free',
  'ensure_resource_availability',
  'ignored_auth',
];

/** Ids of what there is, for parameters that would otherwise hardly ever name something. */
export type Known = Readonly<
  Record<'orders' | 'payments' | 'refunds' | 'users' | 'operator-items', readonly string[]>
>;

export interface FuzzOptions {
  program: string;
  apiUrl: string;
  /** API key or access token. */
  credential: string;
  known: Known;
  /** Paths that are left out. */
  without: readonly string[];
  /** For the settings and the reports; made when missing. */
  folder: string;
}

export interface FuzzReport {
  operations: number;
  cases: number;
  seconds: number;
  /** One line each: the check, the operations, what was wrong. */
  failures: string[];
  errors: unknown[];
  complete: boolean;
  /** How many calls of each operation were accepted, over all phases. */
  accepted: Readonly<Record<string, number>>;
  output: string;
}

/** TOML: texts and lists of texts are written as in JSON. */
function settingsOf(known: Known): string {
  const names = Object.keys(known) as (keyof Known)[];
  const dictionaries = names.map((name) => `[dictionaries.${name}]\nvalues = ${JSON.stringify(known[name])}`);
  const paths = names.map((name) =>
    [
      '[[operations]]',
      `include-path-regex = ${JSON.stringify(`^/v1/${name}/\\{id\\}`)}`,
      `parameters = { "path.id" = { dictionary = ${JSON.stringify(name)}, probability = 0.7 } }`,
    ].join('\n'),
  );
  // Texts of bodies too: a buyer and a seller that exist are needed for an order.
  const texts = '[generation.dictionaries]\nstring = { dictionary = "users", probability = 0.3 }';
  // Dialects refuse by their bodies, under 200 (wire.md, section 0).
  const dialects = [
    '[[operations]]',
    'include-path-regex = "^/(api|orders?|\\\\{subDomain\\\\})/"',
    'checks.negative_data_rejection.expected-statuses = [200, "4xx", 503]',
  ].join('\n');
  return ['max-stream-events = 1', texts, ...dictionaries, ...paths, dialects].join('\n\n');
}

/** @throws Error with its output, when it made no report */
export async function fuzz({
  program,
  apiUrl,
  credential,
  known,
  without,
  folder,
}: FuzzOptions): Promise<FuzzReport> {
  mkdirSync(folder, { recursive: true });
  const settings = join(folder, 'schemathesis.toml');
  const report = join(folder, 'report.json');
  writeFileSync(settings, settingsOf(known));
  const args = [
    ['--no-color', '--config-file', settings, 'run', `${apiUrl}/openapi.json`],
    ['--header', `Authorization: Bearer ${credential}`],
    ['--phases', PHASES.join(','), '--max-examples', String(EXAMPLES), '--seed', String(SEED)],
    ['--generation-deterministic', '--continue-on-failure', '--checks', CHECKS.join(',')],
    ['--request-timeout', '10', '--suppress-health-check', 'all', '--warnings', 'off'],
    ['--report', 'json', '--report-json-path', report],
    without.flatMap((path) => ['--exclude-path', path]),
  ].flat();
  // Its own copies of what it is told about proxies must not lead past the loopback.
  const env = { PATH: process.env['PATH'], HOME: folder, NO_PROXY: '*', PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += text.toString()));
  await once(child, 'close');
  return readReport(report, output);
}

interface RawReport {
  complete: boolean;
  running_time: number;
  operations: { tested: number };
  test_cases: { generated: number };
  failures: { code: string; title: string; count: number; operations: string[] }[];
  errors: unknown[];
  valid_rates: Record<string, Record<string, { accepted: number }>>;
}

function readReport(file: string, output: string): FuzzReport {
  let raw: RawReport;
  try {
    raw = JSON.parse(readFileSync(file, 'utf8')) as RawReport;
  } catch (error) {
    throw new Error(`there is no report: ${output.slice(-4_000)}`, { cause: error });
  }
  const sum = (phases: Record<string, { accepted: number }>): number =>
    Object.values(phases).reduce((total, { accepted }) => total + accepted, 0);
  return {
    operations: raw.operations.tested,
    cases: raw.test_cases.generated,
    seconds: Math.round(raw.running_time),
    failures: raw.failures.map(
      ({ code, title, count, operations }) => `${code} ${title}: ${count} in ${operations.join(', ')}`,
    ),
    errors: raw.errors,
    complete: raw.complete,
    accepted: Object.fromEntries(
      Object.entries(raw.valid_rates).map(([name, phases]) => [name, sum(phases)]),
    ),
    output,
  };
}
