/** What Temporal itself says of orders' workflows. */
import { Client, Connection } from '@temporalio/client';
import type { Order } from './shop.js';
import type { Stack } from './stack.js';
import { eventually } from './wait.js';

export interface Workflows {
  /** Waits for the workflow's end. @returns how many events its history has */
  eventsOfEnded(order: Order): Promise<number>;
  close(): Promise<void>;
}

export async function connectToTemporal({ temporalAddress }: Stack): Promise<Workflows> {
  const connection = await Connection.connect({ address: temporalAddress });
  const client = new Client({ connection });
  return {
    eventsOfEnded: ({ orderNo }) => {
      const workflow = client.workflow.getHandle(`order/${orderNo}`);
      return eventually(`the workflow of ${orderNo} has ended`, async () => {
        const { status, historyLength } = await workflow.describe();
        if (status.name !== 'COMPLETED') throw new Error(`it is ${status.name}`);
        return historyLength;
      });
    },
    close: () => connection.close(),
  };
}
