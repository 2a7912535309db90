import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type NestExpressApplication } from '@nestjs/platform-express';
import { type Config } from '../config/config.js';

const KEEP_ALIVE_MS = 75_000;

/**
 * Starts to listen. Not `app.listen`, which logs a failure before it throws it: a taken port is to be one line.
 * @returns the address, with the port that was picked
 * @throws Error in one line for a person
 */
export async function listenOn(app: NestExpressApplication, { host, port }: Config): Promise<string> {
  await app.init();
  const server = app.getHttpServer();
  // Longer than the timeouts of clients and load balancers: a request during a close from our side would fail.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  try {
    await once(server.listen(port, host), 'listening');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'the port is taken; set PORT to another one' : message;
    throw new Error(`Cannot listen on ${host}:${port}: ${reason}`);
  }
  const address = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
