import { createServer, type Server } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { demandPorts, freePort, isListening, isPortFree, portHolder } from './ports.mjs';

async function listen(): Promise<number> {
  const server: Server = createServer();
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

describe('ports', () => {
  it('names a taken port, the variable to change and who has it', async () => {
    const port = await listen();
    expect(await isPortFree(port)).toBe(false);
    expect(await isListening(port)).toBe(true);
    expect(portHolder(port)).toBe(process.pid);
    await expect(demandPorts([{ port, variable: 'TEMPORAL_PORT', use: 'Temporal' }])).rejects.toThrow(
      new RegExp(
        `^Port ${port} for Temporal is taken by pid ${process.pid} \\(.*set TEMPORAL_PORT to a free port\\.$`,
      ),
    );
  });

  it('finds two uses of one port before either is opened', async () => {
    const port = await freePort();
    await expect(
      demandPorts([
        { port, variable: 'PORT', use: 'the API' },
        { port, variable: 'SANDBOX_PORT', use: 'the sandbox' },
      ]),
    ).rejects.toThrow(`Port ${port} is wanted twice, for the API (PORT) and for the sandbox (SANDBOX_PORT)`);
  });

  it('is content with free ones', async () => {
    const port = await freePort();
    await demandPorts([{ port, variable: 'PORT', use: 'the API' }]);
    expect(portHolder(port)).toBeUndefined();
  });
});
