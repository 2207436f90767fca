import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { apiUrl, childEnvironment, loadDotEnv, readSettings } from './settings.mjs';
import { temporaryFolder } from './test-support.js';

describe('the settings of the embedded run', () => {
  it('has the documented defaults', () => {
    expect(readSettings('/app', {})).toMatchObject({
      home: '/app/.holdfast',
      host: '127.0.0.1',
      port: 3000,
      sandboxPort: 3100,
      temporalPort: 7233,
      temporalUiPort: 8233,
      databaseUrl: undefined,
      temporalAddress: undefined,
      publicUrl: 'http://127.0.0.1:3000',
    });
  });

  it.each([
    [{ PORT: '70000' }, /^PORT \(70000\) is not a port/],
    [{ TEMPORAL_PORT: '7233x' }, /^TEMPORAL_PORT/],
    [{ SANDBOX_PORT: '0' }, /^SANDBOX_PORT/],
    [{ SANDBOX_PORT: '65531' }, /^SANDBOX_PORT .* is too high/],
    [{ ADMIN_API_KEY: 'short' }, /^ADMIN_API_KEY is too short/],
    [{ DATABASE_URL: 'mysql://secret@host/db' }, /^DATABASE_URL is not a URL that starts with postgres:\/\//],
    [{ PUBLIC_URL: 'pay.example.com' }, /^PUBLIC_URL/],
  ])('names the variable that is wrong: %o', (env, message) => {
    expect(() => readSettings('/app', env)).toThrow(message);
  });

  it('does not repeat a URL that may hold a password', () => {
    expect(() => readSettings('/app', { DATABASE_URL: 'mysql://secret@host/db' })).not.toThrow(/secret/);
  });

  it('lets the environment win over .env', () => {
    const root = temporaryFolder();
    writeFileSync(join(root, '.env'), 'HOLDFAST_A_TEST=file\nHOLDFAST_B_TEST=file\n');
    process.env['HOLDFAST_A_TEST'] = 'shell';
    onTestFinished(() => {
      delete process.env['HOLDFAST_A_TEST'];
      delete process.env['HOLDFAST_B_TEST'];
    });
    loadDotEnv(root);
    expect([process.env['HOLDFAST_A_TEST'], process.env['HOLDFAST_B_TEST']]).toEqual(['shell', 'file']);
  });
});

describe('the environment of the children', () => {
  const run = {
    adminApiKey: 'key',
    databaseUrl: 'postgres://app@127.0.0.1/holdfast',
    migrationUrl: undefined,
    temporalAddress: '127.0.0.1:7233',
    temporalConfigFile: '/home/temporal.toml',
  };
  const environment = (env: NodeJS.ProcessEnv) =>
    childEnvironment(readSettings('/app', { HOLDFAST_HOME: temporaryFolder(), ...env }), run);

  it('makes the embedded run’s choices, and the user’s win', () => {
    expect(environment({})).toMatchObject({
      LEGACY_AUTH: 'documented',
      ALLOW_PRIVATE_URLS: 'true',
      HOLDFAST_EMBEDDED: '1',
    });
    expect(
      environment({ LEGACY_AUTH: 'strict', ALLOW_PRIVATE_URLS: 'false', LOG_LEVEL: 'debug' }),
    ).toMatchObject({
      LEGACY_AUTH: 'strict',
      ALLOW_PRIVATE_URLS: 'false',
      LOG_LEVEL: 'debug',
    });
  });

  it('asks for tokens as soon as others than this machine can call', () => {
    expect(environment({ HOST: '0.0.0.0' })).toMatchObject({ LEGACY_AUTH: 'strict', HOST: '0.0.0.0' });
  });

  it('takes a variable that is set to nothing as not set', () => {
    expect(environment({ LEGACY_AUTH: '', DATABASE_URL: '' })).toMatchObject({
      LEGACY_AUTH: 'documented',
      DATABASE_URL: run.databaseUrl,
    });
  });

  it('keeps a company’s Temporal credentials away from the embedded server', () => {
    const env = environment({
      TEMPORAL_API_KEY: 'secret',
      TEMPORAL_TLS_CLIENT_KEY_PATH: '/key',
      TEMPORAL_PROFILE: 'prod',
    });
    expect(
      Object.keys(env)
        .filter((name) => name.startsWith('TEMPORAL_'))
        .sort(),
    ).toEqual(['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_NAMESPACE']);
  });

  it.each([
    ['127.0.0.1', 'http://127.0.0.1:3000'],
    ['0.0.0.0', 'http://127.0.0.1:3000'],
    ['::1', 'http://[::1]:3000'],
    ['10.0.0.5', 'http://10.0.0.5:3000'],
  ])('finds the API that listens on %s', (host, url) => {
    expect(apiUrl(readSettings('/app', { HOST: host }))).toBe(url);
  });
});
