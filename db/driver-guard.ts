interface Log {
  warn(facts: object, message: string): void;
  fatal(facts: object, message: string): void;
}

/**
 * The PostgreSQL driver flushes small writes from a `setImmediate`, which can run after the connection has closed and
 * then throws where nobody can catch it (porsager/postgres issues 1066, 1154 and 1208, open in 3.4.9). The queries of
 * that connection were rejected before, so there is nothing to undo, and no reason for the process to end.
 */
function isWriteAfterClose(error: unknown): boolean {
  return (
    error instanceof TypeError &&
    error.message === "Cannot read properties of null (reading 'write')" &&
    /nextWrite .*[/\\]postgres[/\\]/.test(error.stack ?? '')
  );
}

/** Survives the driver's known defect; ends the process, with a line in the log, for everything else. */
export function guardProcess(logger: Log): void {
  process.on('uncaughtException', (error) => {
    if (isWriteAfterClose(error)) {
      logger.warn({ err: error }, 'the database driver wrote to a closed connection');
      return;
    }
    logger.fatal({ err: error }, 'the process ends: nobody caught this');
    process.exit(1);
  });
}
