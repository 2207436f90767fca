/**
 * `npm start`: the embedded run in one command.
 *
 * This file is read before anything is installed and perhaps by a Node that is too old, so it has no
 * static import and no syntax newer than Node 12: an old Node must reach the line that says so.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `Holdfast needs Node.js 20.19 or newer; this is ${process.versions.node}. Install it from https://nodejs.org or with your version manager.`,
  );
  process.exit(1);
}
import('./main.mjs').then(
  ({ main }) => main(),
  (/** @type {unknown} */ error) => {
    console.error(error);
    process.exit(1);
  },
);
