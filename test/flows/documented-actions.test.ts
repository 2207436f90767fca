/** The examples of docs/next-actions.md, run as a reader would: by HTTP, after a topup that is paid at the sandbox. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, clientOf } from '../../api/test-support.js';
import { read } from '../../docs/test-support.js';
import { ACTION_NAMES, NEXT_ACTIONS } from '../../domain/next-actions.js';
import { type Stage, openStage } from '../notifications/stage.js';
import { addUsers, until } from '../support/world.js';

interface Example {
  heading: string;
  puts: { path: string; body: object }[];
  action: object;
  cost: number;
}

const COSTS_NOTHING = /Costs nothing\./;

function exampleOf(section: string): Example {
  const [heading = ''] = section.split('\n');
  const [, json] = /```json\n([\s\S]*?)```/.exec(section) ?? [];
  const [, cost] = /Costs (\d+)\./.exec(section) ?? [];
  if (json === undefined || (cost === undefined && !COSTS_NOTHING.test(section)))
    throw new Error(`${heading} has no example, or does not say what it costs`);
  const puts = [...section.matchAll(/^PUT (\S+) (.*)$/gm)].map(([, path = '', body = '{}']) => ({
    path,
    body: JSON.parse(body) as object,
  }));
  return { heading, puts, action: JSON.parse(json) as object, cost: Number(cost ?? 0) };
}

const examples = read('docs/next-actions.md').split('\n## ').slice(1).map(exampleOf);
const TOPUP = 100_000;

let stage: Stage;
let api: Client;
beforeAll(async () => {
  stage = await openStage();
  api = clientOf(stage.context.publicUrl);
  await addUsers(stage.db, 'alice', 'sally');
});
afterAll(() => stage.close());

const cashOf = async (userId: string): Promise<number> =>
  Number((await api.admin('GET', `/v1/wallets/${userId}`)).json['cash']);

describe('docs/next-actions.md', () => {
  it('has every type, under its number and name', () => {
    const wanted = ACTION_NAMES.map((name) => `${NEXT_ACTIONS[name].type} ${name}`);
    expect(examples.map(({ heading }) => heading)).toEqual(wanted);
  });

  it.each(examples.map((example) => [example.heading, example] as const))(
    'T1 shows what %s does, for what it says that it costs',
    async (_heading, { puts, action, cost }) => {
      for (const { path, body } of puts) expect((await api.admin('PUT', path, body)).status).toBe(200);
      const before = await cashOf('alice');
      const wish = { kind: 'topup', buyerId: 'alice', amount: TOPUP, subject: 'x', nextAction: action };
      const made = await api.admin('POST', '/v1/orders', wish);
      expect(made.status).toBe(201);
      const at = `/v1/orders/${String(made.json['id'])}`;
      expect((await api.admin('POST', `${at}/payments`, { channel: 'alipay' })).status).toBe(201);
      await stage.flow.providers.control('POST', `/trades/${String(made.json['orderNo'])}/pay`, {});
      const status = async () => (await api.admin('GET', at)).json['status'];
      await until(async () => ['completed', 'action_required'].includes(String(await status())));
      const { data } = (await api.admin('GET', `${at}/actions`)).json as { data: { status: string }[] };
      expect(data.filter((step) => step.status !== 'succeeded')).toEqual([]);
      expect(before + TOPUP - (await cashOf('alice'))).toBe(cost);
    },
  );
});
