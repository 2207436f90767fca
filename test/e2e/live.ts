/** An order's live events, as a browser's EventSource hears them. */
import type { Order, OrderEvent, Person } from './shop.js';
import type { Stack } from './stack.js';
import { eventually } from './wait.js';

export interface LiveEvents {
  /** Waits until an event of this type has come. */
  until(type: string): Promise<OrderEvent>;
  /** What has come, in its order. */
  types(): string[];
  close(): void;
}

/** Opens the stream with a party's own token. */
export async function listen({ apiUrl }: Stack, { id }: Order, person: Person): Promise<LiveEvents> {
  const closing = new AbortController();
  const response = await fetch(`${apiUrl}/v1/orders/${id}/events`, {
    headers: { authorization: `Bearer ${person.token}`, accept: 'text/event-stream' },
    signal: closing.signal,
  });
  if (response.status !== 200 || response.body === null) throw new Error(`answered ${response.status}`);
  const heard: OrderEvent[] = [];
  let ended: unknown;
  // Why it ended is told to who waits for an event; a stream that is closed by us has nobody who waits.
  void readInto(heard, response.body).then(
    () => (ended = new Error('the stream has ended')),
    (error: unknown) => (ended = error),
  );
  return {
    until: (type) =>
      eventually(`a live event ${type}`, () => {
        const event = heard.find((one) => one.type === type);
        if (event !== undefined) return event;
        throw ended ?? new Error(`so far: ${heard.map((one) => one.type).join(', ')}`);
      }),
    types: () => heard.map((event) => event.type),
    close: () => closing.abort(),
  };
}

/** Blocks end by an empty line; of their fields only the data is wanted here. */
async function readInto(heard: OrderEvent[], body: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data:'));
      if (data !== undefined) heard.push(JSON.parse(data.slice('data:'.length)) as OrderEvent);
    }
  }
}
