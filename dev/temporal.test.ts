import { Connection } from '@temporalio/client';
import { expect, it, onTestFinished } from 'vitest';
import { createGuard, makeTestHome } from './guard.mjs';
import { findTemporal, startTemporal } from './temporal.mjs';

it('keeps orders for 30 days, knows what they are listed by, and remembers both after being killed', async () => {
  const home = makeTestHome();
  const guard = createGuard();
  guard.remove(home);
  onTestFinished(() => guard.close());
  const binary = (await findTemporal()).path;
  for (const round of ['first', 'after a kill']) {
    const server = await startTemporal({ home, binary });
    const connection = await Connection.connect({ address: server.address });
    const { config } = await connection.workflowService.describeNamespace({ namespace: 'default' });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace: 'default',
    });
    await connection.close();
    expect([round, Number(config?.workflowExecutionRetentionTtl?.seconds)]).toEqual([round, 30 * 86_400]);
    expect(Object.keys(customAttributes ?? {})).toEqual(
      expect.arrayContaining([
        'HoldfastAmount',
        'HoldfastKind',
        'HoldfastNeedsAttention',
        'HoldfastSeller',
        'HoldfastStatus',
      ]),
    );
    await server.kill();
  }
});
