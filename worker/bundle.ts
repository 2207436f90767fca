/**
 * The workflows as one bundle. To make it takes seconds and a bundler's memory, so another process makes it, and it
 * is kept for the next start: a worker that was killed is back the sooner (promise T5).
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKFLOWS = path.join(ROOT, 'workflows', 'index.ts');
const MAKER = fileURLToPath(new URL('make-bundle.mjs', import.meta.url));
const MAKE_WITHIN_MS = 60_000;
// The bundle has 3 MB.
const MOST_BYTES = 64 * 1_024 * 1_024;

/** All that a bundle is made of: workflows import nothing else (docs/ARCHITECTURE.md). */
const FOLDERS = ['workflows', 'domain'];
/** The packages as they are installed, by version and checksum; the first that is there. */
const LOCKS = ['node_modules/.package-lock.json', 'package-lock.json'];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function installed(root: string): Promise<string> {
  for (const lock of LOCKS) {
    const text = await readIfThere(path.join(root, lock));
    if (text !== undefined) return text;
  }
  throw new Error('no lock file says which packages are installed');
}

/** @returns a number that is another one as soon as the bundle could be another one */
export async function bundleKey(root = ROOT): Promise<string> {
  const parts: unknown[] = [
    root,
    process.version,
    sha256(await installed(root)),
    await readFile(MAKER, 'utf8'),
  ];
  for (const folder of FOLDERS) {
    const files = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
    const names = files.filter((file) => file.isFile()).map((file) => path.join(file.parentPath, file.name));
    for (const name of names.sort())
      parts.push([path.relative(root, name), sha256(await readFile(name, 'utf8'))]);
  }
  return sha256(JSON.stringify(parts));
}

/** Its first line is the checksum of the rest: half a file, or a changed one, is none. */
async function readKept(file: string): Promise<string | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const end = text.indexOf('\n');
  const code = text.slice(end + 1);
  return text.slice(0, end) === `// ${sha256(code)}` ? code : undefined;
}

async function keep(folder: string, name: string, code: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const draft = path.join(folder, `${name}.${process.pid}.tmp`);
  await writeFile(draft, `// ${sha256(code)}\n${code}`, { mode: 0o600 });
  await rename(draft, path.join(folder, name));
  // Those of releases before; whoever still runs one has it in memory.
  const old = (await readdir(folder)).filter((other) => other.endsWith('.js') && other !== name);
  await Promise.all(old.map((name) => rm(path.join(folder, name), { force: true })));
}

async function make(workflowsPath: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAKER, workflowsPath], {
    cwd: ROOT,
    timeout: MAKE_WITHIN_MS,
    maxBuffer: MOST_BYTES,
  });
  return stdout;
}

export interface BundleWish {
  /** HOLDFAST_HOME: bundles are kept in a folder of it. */
  home: string;
  log: { warn(facts: object, message: string): void };
}

async function keepFor(folder: string, key: string | undefined, code: string, log: BundleWish['log']) {
  try {
    // Sources that were changed meanwhile may be in it.
    if (key !== undefined && key === (await bundleKey())) await keep(folder, `${key}.js`, code);
  } catch (error) {
    log.warn({ err: error }, 'the next start bundles the workflows again: the bundle could not be kept');
  }
}

/**
 * @returns the bundle's code; undefined when it could not be made here, so that the worker must make it itself. Never
 *   throws: a folder that cannot be read or written costs time alone
 */
export async function workflowBundle(
  { home, log }: BundleWish,
  makeCode = make,
): Promise<{ code: string } | undefined> {
  const folder = path.join(home, 'workflow-bundles');
  let key: string | undefined;
  try {
    key = await bundleKey();
    const kept = await readKept(path.join(folder, `${key}.js`));
    if (kept !== undefined) return { code: kept };
  } catch (error) {
    log.warn(
      { err: error },
      'the workflows are bundled anew: no bundle of an earlier start can be told to fit',
    );
  }
  try {
    const code = await makeCode(WORKFLOWS);
    await keepFor(folder, key, code, log);
    return { code };
  } catch (error) {
    log.warn({ err: error }, 'the workflows are bundled in the worker: a process of their own has failed');
    return undefined;
  }
}
