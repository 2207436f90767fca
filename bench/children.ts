/** Processes of the product and of the floor: each its own, so that their CPU can be told apart. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sharedGuard } from '../dev/guard.mjs';
import { until } from './stats.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Child {
  pid: number;
  process: ChildProcess;
  stop(): Promise<void>;
}

export interface ChildWish {
  name: string;
  /** Path from the root of the tree. */
  script: string;
  home: string;
  environment: Record<string, string>;
  isReady: () => Promise<boolean>;
}

/** @throws Error with the log's place when it ends, or is not ready within a minute */
export async function startScript(wish: ChildWish): Promise<Child> {
  const logFile = `${wish.home}/${wish.name}.log`;
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, ['--import', 'tsx', wish.script], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], HOLDFAST_HOME: wish.home, ...wish.environment },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${wish.name} could not be started`);
  sharedGuard().watch(pid);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  await until(`${wish.name} is ready (its log is ${logFile})`, async () => {
    if (hasEnded()) throw new Error(`${wish.name} has ended; its log is ${logFile}`);
    return wish.isReady();
  });
  return {
    pid,
    process: child,
    stop: async () => {
      child.kill('SIGTERM');
      await until(`${wish.name} has ended`, hasEnded);
    },
  };
}

/** Whether a URL answers 200. */
export async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.ok;
  } catch (error) {
    // Nobody listens yet: what fetch says by a TypeError.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** The first message that fits, from a process that says when it is ready. @throws Error when it ends before */
export function firstMessage<T>(child: Child, fits: (message: unknown) => message is T): Promise<T> {
  return new Promise((resolve, reject) => {
    child.process.once('exit', (code) => reject(new Error(`process ${child.pid} has ended with ${code}`)));
    child.process.on('message', (message: unknown) => {
      if (fits(message)) resolve(message);
    });
  });
}
