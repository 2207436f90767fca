import { get } from 'node:http';

// Read by Docker every few seconds: plain Node, since starting tsx for it would cost more than the check.
const url = process.argv[2] ?? `http://127.0.0.1:${process.env['PORT'] ?? 3000}/healthz`;

const request = get(url, { timeout: 2_000 }, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
request.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
