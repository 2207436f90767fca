/**
 * A failure that the person at the terminal can act on. Its message is one plain line that says what to
 * do; it is printed without a stack.
 */
export class LaunchError extends Error {
  /**
   * @param {string} message one plain line
   * @param {ErrorOptions & { details?: string[] }} [options] `details`: lines printed below it, indented
   */
  constructor(message, options = {}) {
    super(message, options);
    this.name = 'LaunchError';
    this.details = options.details ?? [];
  }
}

/**
 * @param {unknown} error
 * @returns {string} the system's code (`ENOENT`, `EADDRINUSE`, ...), or an empty string
 */
export function codeOf(error) {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * @param {unknown} error
 * @returns {string}
 */
export function textOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Turns a file system failure under HOLDFAST_HOME into the line that says what to do; any other failure is
 * returned as it is.
 *
 * @param {unknown} error
 * @param {string} home
 * @param {{ opening: boolean }} options `opening`: the folder itself was being made or tried
 * @returns {unknown}
 */
export function homeError(error, home, { opening }) {
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const text = `No disk space left for HOLDFAST_HOME (${home}): free some, or set HOLDFAST_HOME to another disk.`;
    return new LaunchError(text, { cause: error });
  }
  if (opening && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOENT'].includes(code)) {
    const text = `HOLDFAST_HOME (${home}) cannot be written (${code}): set HOLDFAST_HOME to a folder that you may write to.`;
    return new LaunchError(text, { cause: error });
  }
  return error;
}
