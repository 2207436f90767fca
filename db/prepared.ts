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

function prepareInTransaction(sql: postgres.TransactionSql, prepares: Prepares): postgres.TransactionSql {
  const savepoint = sql.savepoint.bind(sql);
  // As drizzle calls it: without a name.
  const inSavepoint = <T>(work: (inner: postgres.TransactionSql) => T | Promise<T>) =>
    savepoint((inner) => work(prepareInTransaction(inner, prepares)));
  return Object.assign(prepareIn(sql, prepares), { savepoint: inSavepoint });
}

/**
 * Without this, every statement with parameters crosses the wire twice: the driver asks for the parameters' types
 * first, each time anew. A prepared one is asked for once a connection, and planned once or a few times.
 * A statement without parameters has no need of it: it is sent as it is, in one exchange.
 * @returns the same client, changed
 */
export function preparing(client: postgres.Sql, mostTexts = MOST_TEXTS): postgres.Sql {
  const prepares = firstTexts(mostTexts);
  const begin = client.begin.bind(client);
  // As drizzle calls it: without options, which it sends by a statement of their own.
  const inTransaction = <T>(work: (sql: postgres.TransactionSql) => T | Promise<T>) =>
    begin((sql) => work(prepareInTransaction(sql, prepares)));
  return Object.assign(prepareIn(client, prepares), { begin: inTransaction });
}
