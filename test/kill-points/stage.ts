/** The one API and the one worker that run at a time: clean ones, and one that is to end at a named point. */
import { expect } from 'vitest';
import type { CrashPoint } from '../../crash-points.js';
import { eventually } from '../e2e/wait.js';
import { type Fleet, type Proc, startFleet } from '../fleet/fleet.js';
import { expectStatus } from '../e2e/shop.js';
import { SCENARIOS } from './scenarios.js';
import { type Scene, type UnderWay, openScene } from './scene.js';

/** A process that was led to its point ends at once; this is for a machine that is busy. */
const ENDS_WITHIN_MS = 30_000;
/** What a shell says of a process that was ended by SIGKILL. */
const KILLED = 137;

type Role = 'api' | 'worker';

interface Member {
  proc: Proc;
  armed: boolean;
  /** Undefined while it runs. */
  code?: number | null;
}

export interface Stage {
  fleet: Fleet;
  scene: Scene;
  /** Points at which a process has ended, by its exit code. */
  hit: Set<CrashPoint>;
  /**
   * Prepares an order for every point, then ends one process after the other, each at its point and by its own
   * order, and leaves clean ones running.
   * @returns how each went: its order under way, or why its process did not end there
   */
  play(points: readonly CrashPoint[]): Promise<Map<CrashPoint, UnderWay | Error>>;
}

const TEMPLATE = {
  provider: 'outbox',
  sign: 'Holdfast',
  template: 'Your code is {code}, for {product}.',
  params: ['code', 'product'],
};

export async function openStage(): Promise<Stage> {
  // What merchants are told goes to the loopback here.
  const fleet = await startFleet({ environment: { ALLOW_PRIVATE_URLS: 'true' } });
  const crew: Partial<Record<Role, Member>> = {};

  async function replace(role: Role, point?: CrashPoint): Promise<Member> {
    await crew[role]?.proc.kill();
    const environment = point === undefined ? {} : { CRASH_AT: point };
    const proc = await (role === 'api' ? fleet.startApi(environment) : fleet.startWorker(environment));
    const member: Member = { proc, armed: point !== undefined };
    void proc.ended.then(({ code }) => (member.code = code));
    crew[role] = member;
    return member;
  }

  async function clean(role: Role): Promise<void> {
    const member = crew[role];
    if (member === undefined || member.armed || member.code !== undefined) await replace(role);
  }

  const [api] = await Promise.all([replace('api'), replace('worker')]);
  const scene = openScene(fleet, api.proc);
  expectStatus(await scene.api.put('/v1/catalog/sms-templates/111', TEMPLATE), 200);
  const hit = new Set<CrashPoint>();

  async function killAt(point: CrashPoint, { act }: UnderWay): Promise<void> {
    const { kills } = SCENARIOS[point];
    const [member] = await Promise.all([replace(kills, point), clean(kills === 'api' ? 'worker' : 'api')]);
    const acting = act();
    // Who asked may get no answer before there is a clean process; a failure is told where the answer is awaited.
    acting.catch(() => undefined);
    await eventually(
      `the ${kills} ends at "${point}"`,
      () => {
        if (member.code === undefined) throw new Error(`it runs; its log is ${member.proc.log}`);
      },
      ENDS_WITHIN_MS,
    );
    expect(member.code).toBe(KILLED);
    hit.add(point);
    if (kills === 'worker') return;
    // Half a minute passes for the leases of a dead API's calls.
    await fleet.sql`UPDATE idempotency_keys SET lease_until = now() WHERE status IS NULL`;
    await clean('api');
    await acting;
  }

  async function fall(point: CrashPoint, preparing: Promise<UnderWay>): Promise<UnderWay | Error> {
    try {
      const underWay = await preparing;
      await killAt(point, underWay);
      return underWay;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  return {
    fleet,
    scene,
    hit,
    play: async (points) => {
      await Promise.all([clean('api'), clean('worker')]);
      const preparing = points.map((point) => SCENARIOS[point].prepare(scene));
      await Promise.allSettled(preparing);
      const falls = new Map<CrashPoint, UnderWay | Error>();
      for (const [index, point] of points.entries()) {
        const prepared = preparing[index];
        if (prepared !== undefined) falls.set(point, await fall(point, prepared));
      }
      await Promise.all([clean('api'), clean('worker')]);
      return falls;
    },
  };
}
