/** Prepared statements for drizzle, which asks the driver for none. */
import type postgres from 'postgres';

// More than the product has. A statement whose text grows with its input would fill the server's memory: nobody ever
// forgets a prepared one, on any connection.
const MOST_TEXTS = 500;

/** Which texts are prepared: the first so many of them. */
export function firstTexts(most: number): (text: string) => boolean {
  const texts = new Set<string>();
  return (text) => {
    if (texts.has(text)) return true;
    if (texts.size >= most) return false;
    texts.add(text);
    return true;
  };
}

type Prepares = (text: string) => boolean;

function prepareIn<T extends postgres.ISql>(sql: T, prepares: Prepares): T {
  const unsafe = sql.unsafe.bind(sql);
  sql.unsafe = (text, parameters, options) =>
    unsafe(text, parameters, {
      ...options,
      prepare: parameters !== undefined && parameters.length > 0 && prepares(text),
    });
  return sql;
}

type Work<T> = (sql: postgres.TransactionSql) => T | Promise<T>;

/** The driver takes a name or options first, or leaves them out. */
function given<T>(first: string | Work<T>, second: Work<T> | undefined): [string, Work<T>] {
  const [text, work] = typeof first === 'string' ? [first, second] : ['', first];
  if (work === undefined) throw new TypeError('a transaction needs its work');
  return [text, work];
}

function prepareInTransaction(sql: postgres.TransactionSql, prepares: Prepares): postgres.TransactionSql {
  const begin = sql.savepoint.bind(sql);
  const savepoint = <T>(first: string | Work<T>, second?: Work<T>) => {
    const [name, work] = given(first, second);
    return begin(name, (inner) => work(prepareInTransaction(inner, prepares)));
  };
  return Object.assign(prepareIn(sql, prepares), { savepoint });
}

/**
 * Without this, every statement with parameters crosses the wire twice: the driver asks for the parameters' types
 * first, each time anew. A prepared one is asked for once a connection, and planned once or a few times.
 * A statement without parameters has no need of it: it is sent as it is, in one exchange.
 * @returns the same client, changed
 */
export function preparing(client: postgres.Sql, mostTexts = MOST_TEXTS): postgres.Sql {
  const prepares = firstTexts(mostTexts);
  const inner = client.begin.bind(client);
  const begin = <T>(first: string | Work<T>, second?: Work<T>) => {
    const [options, work] = given(first, second);
    return inner(options, (sql) => work(prepareInTransaction(sql, prepares)));
  };
  return Object.assign(prepareIn(client, prepares), { begin });
}
