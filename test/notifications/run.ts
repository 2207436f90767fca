/** All scripts at once, a few under way at a time. */
import { CLASS_NAMES, type ClassName } from './classes.js';
import { type Act, type Played, begin, goOn } from './perform.js';
import { type Script, dealScripts } from './scripts.js';
import type { Stage } from './stage.js';

const AT_ONCE = 16;

/** In the order of the list; what starts first has the most time to come to rest. */
async function each<T>(of: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...of];
  const one = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

const expires = ({ fate, closesBy }: Script): boolean => fate === 'late' && closesBy === 'expiry';
/** Its money goes back by the relay and a workflow of its own, which take seconds. */
const goesBack = ({ fate, classes }: Script): boolean => fate === 'late' || classes.includes('second');

/** Plays a whole deal of scripts. @returns once everything was told; some of it may still be on its way */
export async function playAll(stage: Stage, seed: number, size: number): Promise<Played[]> {
  const scripts = dealScripts(seed, size);
  const acts: Act[] = [];
  const whole = async (script: Script): Promise<void> => {
    const act = await begin(stage, script);
    acts.push(act);
    await goOn(act);
  };
  const expiring: Act[] = [];
  await each(scripts.filter(expires), async (script) => {
    expiring.push(await begin(stage, script));
  });
  const others = scripts.filter((script) => !expires(script));
  await each(others.filter(goesBack), whole);
  const rest = others.filter((script) => !goesBack(script));
  // By then most of those have expired.
  const third = Math.floor(rest.length / 3);
  await each(rest.slice(0, third), whole);
  await each(expiring, goOn);
  await each(rest.slice(third), whole);
  return [...acts, ...expiring];
}

/** One line for people: what was really sent. */
export function figures(all: readonly Played[], seed: number, ms: number): string {
  const sent = all.flatMap(({ sent }) => sent);
  const met = metClasses(all);
  const classes = ['plain' as const, ...CLASS_NAMES].map((name) => {
    const sends = sent.filter(({ telling }) => telling.class === name).length;
    if (name === 'plain') return `plain ${sends} sends`;
    return sends === 0 ? `${name} ${met[name]}` : `${name} ${met[name]} (${sends} sends)`;
  });
  const again = sent.reduce((sum, one) => sum + one.again, 0);
  const size = `${all.length} orders, ${sent.length} notifications (${again} sent again after a 503)`;
  return `${size}, ${Math.round(ms / 1_000)} s, seed ${seed}: ${classes.join(', ')}`;
}

/** How many orders have really met each class. */
export function metClasses(played: readonly Played[]): Record<ClassName, number> {
  const count = (name: ClassName): number => played.filter(({ met }) => met.has(name)).length;
  return Object.fromEntries(CLASS_NAMES.map((name) => [name, count(name)])) as Record<ClassName, number>;
}
