import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { codeOf, LaunchError } from './errors.mjs';
import { allPids, commandOf } from './processes.mjs';

/**
 * @param {number} port
 * @param {string} [host]
 * @returns {Promise<boolean>}
 */
export function isPortFree(port, host = '127.0.0.1') {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if (codeOf(error) === 'EADDRINUSE') resolve(false);
      else if (codeOf(error) === 'EACCES')
        reject(new LaunchError(`Port ${port} may not be opened by this user: choose one above 1023.`));
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * @param {number} port
 * @returns {Promise<boolean>} whether something accepts connections there
 */
export function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    /** @param {boolean} answer */
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.setTimeout(1_000, () => end(false));
  });
}

/**
 * @returns {Promise<number>} a port that is free now on 127.0.0.1
 */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * @param {number} port
 * @returns {Set<string>} the kernel's numbers of the sockets that listen there
 */
function listeningSockets(port) {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  /** @type {Set<string>} */
  const inodes = new Set();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      // State 0A is LISTEN; field 9 is the socket's inode (proc_net(5)).
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A' && fields[9]) inodes.add(fields[9]);
    }
  }
  return inodes;
}

/**
 * @param {number} port
 * @returns {number | undefined}
 */
function holderOnLinux(port) {
  const inodes = listeningSockets(port);
  if (inodes.size === 0) return undefined;
  return allPids().find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
        return target.startsWith('socket:[') && inodes.has(target.slice(8, -1));
      });
    } catch {
      // Gone meanwhile, or another user's: not knowable.
      return false;
    }
  });
}

/**
 * @param {number} port
 * @returns {number | undefined} the process that listens there, when it can be known
 */
export function portHolder(port) {
  try {
    if (process.platform === 'linux') return holderOnLinux(port);
    const out = execFileSync('lsof', ['-nP', '-t', `-iTCP:${port}`, '-sTCP:LISTEN'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = Number(out.split('\n')[0]);
    return pid > 0 ? pid : undefined;
  } catch {
    // Neither /proc nor lsof: then who has the port is not knowable, and the message goes without it.
    return undefined;
  }
}

/**
 * @typedef {object} PortWish
 * @property {number} port
 * @property {string} variable the variable that changes it
 * @property {string} use what it is for
 * @property {string} [host]
 */

/**
 * @param {PortWish[]} wishes
 * @throws {LaunchError} naming the first port that is taken, its variable and, if knowable, who has it
 */
export async function demandPorts(wishes) {
  /** @type {Map<number, PortWish>} */
  const seen = new Map();
  for (const wish of wishes) {
    const other = seen.get(wish.port);
    if (other !== undefined) {
      throw new LaunchError(
        `Port ${wish.port} is wanted twice, for ${other.use} (${other.variable}) and for ${wish.use} (${wish.variable}): set one of them to another port.`,
      );
    }
    seen.set(wish.port, wish);
  }
  for (const wish of wishes) {
    if (await isPortFree(wish.port, wish.host)) continue;
    const pid = portHolder(wish.port);
    const who = pid === undefined ? 'another program' : `pid ${pid} (${shorten(commandOf(pid))})`;
    throw new LaunchError(
      `Port ${wish.port} for ${wish.use} is taken by ${who}: end it, or set ${wish.variable} to a free port.`,
    );
  }
}

/**
 * @param {string} command
 * @returns {string}
 */
function shorten(command) {
  const text = command === '' ? 'unknown' : command;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
