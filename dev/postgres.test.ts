import { spawn } from 'node:child_process';
import { readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { expect, it, onTestFinished } from 'vitest';
import { databaseUrls, prepareDatabase } from './database.mjs';
import { createGuard, makeTestHome } from './guard.mjs';
import { knownHolder } from './pg-account.mjs';
import { startPostgres } from './postgres.mjs';
import { isAlive } from './processes.mjs';
import { startScript, writeScript } from './test-support.js';
import { until } from './wait.mjs';

function testHome(): string {
  const home = makeTestHome();
  const guard = createGuard();
  guard.remove(home);
  onTestFinished(() => guard.close());
  return home;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...(await sql.unsafe<Record<string, unknown>[]>(text))];
  } finally {
    await sql.end();
  }
}

it('keeps what was written when the server is killed, and starts on what a killed one left behind', async () => {
  const home = testHome();
  const first = await startPostgres({ home });
  await query(first.url, 'create table t (a int); insert into t values (7)');
  await first.kill();
  const second = await startPostgres({ home, port: first.port });
  expect(await query(second.url, 'select a from t')).toEqual([{ a: 7 }]);
  await second.stop();
  expect(isAlive(second.pid)).toBe(false);
});

it('starts although the pid in postmaster.pid is a stranger’s by now', async () => {
  const home = testHome();
  const first = await startPostgres({ home });
  await first.stop();
  const data = join(knownHolder(home) ?? '', 'data');
  // Of the same user, since PostgreSQL itself passes over another user's process.
  const { uid, gid } = statSync(data);
  const stranger = spawn('sleep', ['60'], {
    cwd: '/',
    stdio: 'ignore',
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
  });
  onTestFinished(() => {
    stranger.kill();
  });
  writeFileSync(join(data, 'postmaster.pid'), `${stranger.pid}\n`);
  const second = await startPostgres({ home });
  expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  expect(isAlive(stranger.pid ?? 0)).toBe(true);
  await second.stop();
});

it('ends a server that is left over on the same data before it starts another', async () => {
  const home = testHome();
  const orphan = await startPostgres({ home });
  const second = await startPostgres({ home });
  expect(isAlive(orphan.pid)).toBe(false);
  await second.stop();
});

it('sorts and stores text the same on every system, and syncs to disk', async () => {
  const home = testHome();
  const server = await startPostgres({ home });
  const shown = `select current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
    current_setting('listen_addresses') as listens, lower('ÄÖ') as folded`;
  expect(await query(server.url, shown)).toEqual([
    { encoding: 'UTF8', fsync: 'on', listens: '127.0.0.1', folded: 'äö' },
  ]);
  await server.stop();
});

it('gives the application a role that owns nothing, and keeps passwords to their owner', async () => {
  const home = testHome();
  const server = await startPostgres({ home });
  const urls = databaseUrls({ home, port: server.port });
  await prepareDatabase(server.url, urls);
  await prepareDatabase(server.url, urls);
  await query(urls.owner, 'create table t (a int)');
  await expect(query(urls.app, 'create table mine (a int)')).rejects.toThrow('permission denied');
  await expect(query(urls.app, 'drop table t')).rejects.toThrow('must be owner');
  expect(statSync(join(home, 'postgres-app-password')).mode & 0o077).toBe(0);
  await server.stop();
});

it('lets in again when the superuser’s password file was lost', async () => {
  const home = testHome();
  await (await startPostgres({ home })).stop();
  rmSync(join(home, 'postgres-password'));
  const server = await startPostgres({ home });
  expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
});

it('leaves no server behind when the process that started it is killed', async () => {
  const home = testHome();
  const inner = realpathSync(makeTestHome());
  const script = writeScript(
    home,
    'killed.mjs',
    `const { startPostgres } = await import('${new URL('postgres.mjs', import.meta.url).href}');
     const { createGuard } = await import('${new URL('guard.mjs', import.meta.url).href}');
     const guard = createGuard();
     guard.remove('${inner}');
     const server = await startPostgres({ home: '${inner}' });
     console.log(server.pid);
     setInterval(() => {}, 1000);`,
  );
  const parent = await startScript(script);
  const pid = knownPid(inner);
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  expect(await until(() => !isAlive(pid) && knownHolder(inner) === undefined, { withinMs: 15_000 })).toBe(
    true,
  );
});

function knownPid(home: string): number {
  return Number(readFileSync(join(knownHolder(home) ?? '', 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
}
