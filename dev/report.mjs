/**
 * What the launcher says: plain lines, and on a terminal a short live list of the steps under way.
 *
 * @typedef {object} Step
 * @property {(text: string) => void} note what it is doing now
 * @property {(text?: string) => void} done
 * @property {(text: string) => void} fail
 *
 * @typedef {object} Report
 * @property {(text?: string) => void} line
 * @property {(text: string) => void} warn
 * @property {(label: string) => Step} step
 * @property {() => void} close ends the live list, whatever is still in it
 */

const CLEAR_LINE = '\u001B[2K';
const LINE_UP = '\u001B[1A';

/**
 * @param {{ stream?: NodeJS.WriteStream, live?: boolean }} [options]
 * @returns {Report}
 */
export function createReport({ stream = process.stdout, live = stream.isTTY && !process.env['CI'] } = {}) {
  // A reader that went away (`npm start | head`) must not take the database down with it.
  stream.on('error', () => {
    live = false;
  });
  /** @type {Map<object, { label: string, text: string, since: number }>} */
  const open = new Map();
  let drawn = 0;
  /** @type {NodeJS.Timeout | undefined} */
  let timer;

  const erase = () => {
    if (drawn > 0) stream.write(`\r${(CLEAR_LINE + LINE_UP).repeat(drawn)}${CLEAR_LINE}`);
    drawn = 0;
  };
  const draw = () => {
    if (!live) return;
    erase();
    const width = Math.max(20, (stream.columns ?? 80) - 1);
    for (const entry of open.values()) stream.write(`${describe(entry).slice(0, width)}\n`);
    drawn = open.size;
    if (open.size === 0) clearInterval(timer);
  };
  /** @param {string} text */
  const print = (text) => {
    erase();
    stream.write(`${text}\n`);
    draw();
  };

  return {
    line: (text = '') => print(text),
    warn: (text) => print(`  !! ${text}`),
    step(label) {
      const key = {};
      const entry = { label, text: '', since: performance.now() };
      open.set(key, entry);
      if (live) {
        clearInterval(timer);
        timer = setInterval(draw, 1_000).unref();
        draw();
      }
      /**
       * @param {string} mark
       * @param {string} text
       */
      const end = (mark, text) => {
        if (open.delete(key))
          print(`  ${mark} ${label}${text === '' ? '' : `: ${text}`} (${seconds(entry.since)})`);
      };
      return {
        note(text) {
          if (entry.text === text) return;
          entry.text = text;
          if (live) draw();
          else print(`  .. ${label}: ${text}`);
        },
        done: (text = '') => end('ok', text),
        fail: (text) => end('!!', text),
      };
    },
    close() {
      erase();
      open.clear();
      clearInterval(timer);
    },
  };
}

/**
 * @param {{ label: string, text: string, since: number }} step
 * @returns {string}
 */
function describe({ label, text, since }) {
  return `  .. ${label}${text === '' ? '' : `: ${text}`} (${seconds(since)})`;
}

/**
 * @param {number} since as performance.now() told it
 * @returns {string} e.g. `1.4 s`
 */
export function seconds(since) {
  return `${((performance.now() - since) / 1_000).toLocaleString('en', { maximumFractionDigits: 1 })} s`;
}
