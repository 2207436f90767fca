/** Runs before the sandbox in a container, and opens it to the other services of docker-compose.yml. */
import { networkInterfaces } from 'node:os';
import { openGate } from './gate.mjs';

const FIRST_PORT = Number(process.env['SANDBOX_PORT'] ?? 3100);
const PORTS = Array.from({ length: 6 }, (_, offset) => FIRST_PORT + offset);

const addresses = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .filter(({ internal, family }) => !internal && family === 'IPv4')
  .map(({ address }) => address);
await openGate({ addresses, ports: PORTS, target: '127.0.0.1' });
