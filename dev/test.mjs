/**
 * `npm test`: everything that is checked before a change is taken, from a fresh checkout on.
 *
 * Like start.mjs it is read before anything is installed and perhaps by a Node that is too old.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Holdfast needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
import('./test-run.mjs').then(
  ({ main }) => main(process.argv.slice(2)),
  (/** @type {unknown} */ error) => {
    console.error(error);
    console.log('0 passed, 1 failed');
    process.exit(1);
  },
);
