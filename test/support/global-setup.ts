/** One PostgreSQL for the whole run; each test file makes its own database in it. */
import postgres from 'postgres';
import type { TestProject } from 'vitest/node';
import { makeTestHome, sharedGuard } from '../../dev/guard.mjs';
import { startPostgres } from '../../dev/postgres.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: { superuserUrl: string };
    /** A folder that lives as long as the run. */
    scratch: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = makeTestHome();
  sharedGuard().remove(home);
  const server = await startPostgres({ home });
  const superuser = postgres(server.url, { max: 1 });
  await superuser.unsafe(`CREATE ROLE holdfast_owner LOGIN PASSWORD 'owner'`);
  await superuser.unsafe(`CREATE ROLE holdfast_app LOGIN PASSWORD 'app'`);
  await superuser.end();
  project.provide('scratch', home);
  project.provide('postgres', { superuserUrl: server.url });
  return () => server.stop();
}
