/** docker-compose.yml, as far as it can be known without a Docker engine. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../config.js';
import { settingsFor } from '../deploy/settings.mjs';
import { PRODUCT, ROOT, named, read, services, volumes as namedVolumes } from '../deploy/test-support.js';

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}` of a text. */
const VARIABLE = /\$\{([A-Z_0-9]+)(?::([-?])([^}]*))?\}/g;
const FILLED_IN = {
  POSTGRES_PASSWORD: 'a1',
  OWNER_DB_PASSWORD: 'b2',
  APP_DB_PASSWORD: 'c3',
  TEMPORAL_DB_PASSWORD: 'd4',
  ADMIN_API_KEY: 'e5'.repeat(16),
};

function interpolated(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(VARIABLE, (_, name: string, kind: string, rest: string) => {
    const value = values[name] ?? '';
    if (value !== '') return value;
    if (kind === '?') throw new Error(rest);
    return rest ?? '';
  });
}

function environmentOf(name: string, values: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(named(name).environment);
  return Object.fromEntries(entries.map(([key, text]) => [key, interpolated(text, values)]));
}

/** The names that a .env file gives, also those that are commented out. */
const EXAMPLE = [...read('.env.example').matchAll(/^(?:# )?([A-Z][A-Z_0-9]+)=/gm)].map(
  ([, name]) => name ?? '',
);

describe('the services', () => {
  it('are PostgreSQL, Temporal and its schema, namespace and UI, and the product', () => {
    const others = ['postgresql', 'temporal-schema', 'temporal', 'temporal-namespace', 'temporal-ui'];
    expect(Object.keys(services).sort()).toEqual([...others, ...PRODUCT].sort());
    expect(Object.keys(services).filter((name) => named(name).profiles.length > 0)).toEqual(['sandbox']);
  });

  it('wait only for what exists, and for what can come true', () => {
    for (const [name, { depends_on: needs }] of Object.entries(services)) {
      for (const [needed, { condition, required }] of Object.entries(needs)) {
        const other = named(needed);
        const healthy = other.healthcheck?.test !== undefined;
        const ends = other.restart.startsWith('on-failure');
        expect({ name, needed, ok: condition === 'service_healthy' ? healthy : ends }).toEqual({
          name,
          needed,
          ok: true,
        });
        expect(['service_healthy', 'service_completed_successfully']).toContain(condition);
        // What runs in some profiles alone cannot be demanded by what always runs.
        if (other.profiles.length > 0) expect(required).toBe(false);
      }
    }
  });

  it('wait for each other in no circle', () => {
    const done = new Set<string>();
    const visit = (name: string, above: readonly string[]): void => {
      if (above.includes(name)) throw new Error(`a circle: ${[...above, name].join(' -> ')}`);
      if (done.has(name)) return;
      for (const needed of Object.keys(named(name).depends_on)) visit(needed, [...above, name]);
      done.add(name);
    };
    for (const name of Object.keys(services)) visit(name, []);
    expect(done.size).toBe(Object.keys(services).length);
  });

  it('come from images with a version, and ours from the Dockerfile', () => {
    const loose = Object.values(services).filter(({ build, image }) =>
      build === undefined ? !/^[\w./-]+:\d[\w.-]*$/.test(image) : build !== '.' || image !== 'holdfast:local',
    );
    expect(loose).toEqual([]);
    expect(named('temporal-schema').image.split(':')[1]).toBe(named('temporal').image.split(':')[1]);
  });

  it('are published on loopback alone, and only what a person opens', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports.length > 0);
    expect(published.map(([name]) => name).sort()).toEqual(['api', 'sandbox', 'temporal-ui']);
    expect(
      published.flatMap(([, { ports }]) => ports).filter((port) => !port.startsWith('127.0.0.1:')),
    ).toEqual([]);
  });

  it('mount only files and volumes that there are', () => {
    const sources = Object.values(services).flatMap(({ volumes }) =>
      volumes.map((one) => one.split(':')[0] ?? ''),
    );
    const missing = sources.filter((source) =>
      source.startsWith('./') ? !existsSync(path.join(ROOT, source)) : !Object.hasOwn(namedVolumes, source),
    );
    expect(missing).toEqual([]);
  });
});

describe('the variables', () => {
  const used = [...read('docker-compose.yml').matchAll(VARIABLE)].map(([, name = '', kind]) => ({
    name,
    kind,
  }));

  it('are each explained in .env.example, and nothing else is', () => {
    expect([...new Set(EXAMPLE)].sort()).toEqual([...new Set(used.map(({ name }) => name))].sort());
  });

  it('that must be set are said by name when they are not', () => {
    const demanded = new Set(used.filter(({ kind }) => kind === '?').map(({ name }) => name));
    expect([...demanded].sort()).toEqual(Object.keys(FILLED_IN).sort());
    for (const name of Object.keys(FILLED_IN)) {
      const without = Object.fromEntries(Object.entries(FILLED_IN).filter(([other]) => other !== name));
      expect(() => interpolated(read('docker-compose.yml'), without)).toThrow(`set ${name} in .env`);
    }
  });

  const known = ['config.ts', 'config/providers.ts'].flatMap((file) =>
    [...read(file).matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name ?? ''),
  );

  it.each(['migrate', 'api', 'worker'])('of %s are all read by config.ts', (name) => {
    const unknown = Object.keys(named(name).environment).filter((key) => !known.includes(key));
    expect(unknown).toEqual(name === 'migrate' ? [] : ['COMPOSE_PROFILES']);
  });

  it('of config.ts can all be set, but for what the image and the embedded run decide', () => {
    const settable = PRODUCT.flatMap((name) => Object.keys(named(name).environment));
    const decided = [
      'NODE_ENV',
      'HOLDFAST_HOME',
      'HOLDFAST_EMBEDDED',
      'ALLOW_PRIVATE_URLS',
      'CRASH_AT',
      'CRASH_ABOUT',
    ];
    expect(known.filter((name) => !settable.includes(name)).sort()).toEqual(decided.sort());
  });

  it.each(['api', 'worker'])('of %s make a configuration, with the sandbox and without', (name) => {
    const merchant = {
      ALIPAY_APP_ID: '2021',
      ALIPAY_PRIVATE_KEY: '-----BEGIN',
      ALIPAY_PUBLIC_KEY: '-----BEGIN',
    };
    const plain = environmentOf(name, FILLED_IN);
    const played = environmentOf(name, { ...FILLED_IN, COMPOSE_PROFILES: 'sandbox' });
    expect(readConfig({ ...plain, ...settingsFor(plain, {}) }).channels.alipay).toBeUndefined();
    const config = readConfig({ ...played, ...settingsFor(played, merchant) });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      publicUrl: 'http://api:3000',
      temporal: { address: 'temporal:7233' },
    });
    expect(config.channels.alipay?.appId).toBe('2021');
  });
});

describe('the secrets', () => {
  const user = (url: string | undefined): string => new URL(url ?? '').username;

  it('of the owner are known to the migrations alone, and the application has another role', () => {
    const { DATABASE_URL, MIGRATION_DATABASE_URL } = environmentOf('migrate', FILLED_IN);
    expect([user(DATABASE_URL), user(MIGRATION_DATABASE_URL)]).toEqual(['holdfast_app', 'holdfast_owner']);
    for (const name of ['api', 'worker']) {
      const given = environmentOf(name, FILLED_IN);
      expect(user(given['DATABASE_URL'])).toBe('holdfast_app');
      expect(Object.values(given).join()).not.toContain(FILLED_IN.OWNER_DB_PASSWORD);
    }
    const roles = [...read('deploy/postgres/init.sh').matchAll(/CREATE ROLE (\w+)/g)].map(([, role]) => role);
    expect(roles).toEqual(['holdfast_owner', 'holdfast_app', 'temporal']);
    expect(read('deploy/postgres/init.sh')).toContain('CREATE DATABASE holdfast OWNER holdfast_owner');
  });

  it('are not known to the sandbox, and the admin key to the API alone', () => {
    expect(Object.keys(named('sandbox').environment).sort()).toEqual([
      'PUBLIC_URL',
      'SANDBOX_PORT',
      'SANDBOX_SPEED',
    ]);
    const holders = Object.keys(services).filter((name) => 'ADMIN_API_KEY' in named(name).environment);
    expect(holders).toEqual(['api']);
  });

  it('cannot get into the image', () => {
    expect(
      read('.dockerignore')
        .split('\n')
        .find((line) => line !== '' && !line.startsWith('#')),
    ).toBe('*');
    expect(read('.dockerignore')).not.toMatch(/^!\.env/m);
    expect(read('.gitignore')).toMatch(/^\.env$/m);
  });

  it('do not weaken the API: it demands credentials', () => {
    expect(named('api').environment['LEGACY_AUTH']).toBe('strict');
  });
});

describe("Temporal's set-up", () => {
  const bin = mkdtempSync(path.join(tmpdir(), 'holdfast-compose-'));
  afterAll(() => rmSync(bin, { recursive: true }));

  /** Runs a script with stand-ins for Temporal's programs. @returns what they were called with */
  function calls(script: string, program: string, answers: string): string[] {
    writeFileSync(path.join(bin, program), `#!/bin/sh\necho "$@"\n${answers}\n`);
    chmodSync(path.join(bin, program), 0o755);
    const env = {
      PATH: `${bin}:${process.env['PATH']}`,
      TEMPORAL_ADDRESS: 'temporal:7233',
      TEMPORAL_NAMESPACE: 'shop',
    };
    return execFileSync('/bin/sh', [path.join(ROOT, script)], { env, encoding: 'utf8' })
      .trim()
      .split('\n');
  }

  it('has 512 history shards, which can never be changed', () => {
    expect(named('temporal').environment['NUM_HISTORY_SHARDS']).toBe('512');
    expect(named('temporal').environment['DB']).toBe('postgres12');
  });

  it('makes both schemas, each database before its tables', () => {
    const steps = calls('deploy/temporal/setup-schema.sh', 'temporal-sql-tool', '');
    const folder = '/etc/temporal/schema/postgresql/v12';
    expect(
      steps.map((step) => step.replace('--plugin postgres12 --ep postgresql -u temporal -p 5432 ', '')),
    ).toEqual([
      '--db temporal create',
      '--db temporal setup-schema -v 0.0',
      `--db temporal update-schema -d ${folder}/temporal/versioned`,
      '--db temporal_visibility create',
      '--db temporal_visibility setup-schema -v 0.0',
      `--db temporal_visibility update-schema -d ${folder}/visibility/versioned`,
    ]);
  });

  it('makes the namespace when it is not there, to keep 30 days', () => {
    const made = calls('deploy/temporal/create-namespace.sh', 'temporal', '[ "$3" != describe ]');
    expect(made.at(-1)).toBe('operator namespace create -n shop --retention 720h');
    const found = calls('deploy/temporal/create-namespace.sh', 'temporal', '');
    expect(found.at(-1)).toBe('operator namespace describe -n shop');
  });

  it('has the file that the server does not start without', () => {
    expect(parse(read('deploy/temporal/dynamic-config.yaml'))).toEqual({});
    const mounted = named('temporal').volumes[0]?.split(':')[1];
    expect(mounted).toBe(named('temporal').environment['DYNAMIC_CONFIG_FILE_PATH']);
  });
});
