/** The official client, as far as the tests use it: it ships no types. */
declare module 'pingpp' {
  type Body = Record<string, unknown>;
  type Done = (error: Error | null, answer: Body) => void;

  interface Resource {
    create(body: Body, done: Done): void;
    retrieve(id: string, done: Done): void;
    list(query: Body, done: Done): void;
  }

  interface Charges extends Resource {
    reverse(id: string, done: Done): void;
    createRefund(id: string, body: Body, done: Done): void;
    retrieveRefund(id: string, refund: string, done: Done): void;
    listRefunds(id: string, query: Body, done: Done): void;
  }

  interface Client {
    setHost(host: string, port: string, protocol: string): void;
    setPrivateKeyPath(path: string): void;
    setTimeout(ms: number): void;
    readonly charges: Charges;
    readonly transfers: Resource;
  }

  export default function pingpp(key: string): Client;
}
