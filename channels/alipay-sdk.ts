/**
 * alipay-sdk, without what its HTTP client does to every socket of the process. urllib (4.9.2) replaces
 * Socket.prototype.destroy to note the socket on the error, and its replacement throws where one error ends two
 * sockets: two calls to a name that is not found, or a TLS socket and the one beneath it. Nobody can catch that, and
 * the process ends (alipay-sdk-nodejs-all issue 146). So Node's own is put back; no error here is asked for its socket.
 */
import { Socket } from 'node:net';

const ofNode: unknown = Reflect.get(Socket.prototype, 'destroy');
const sdk = await import('alipay-sdk');
Reflect.set(Socket.prototype, 'destroy', ofNode);

export const { AlipayRequestError, AlipaySdk } = sdk;
export type { AlipaySdkConfig } from 'alipay-sdk';
export type AlipaySdk = InstanceType<typeof AlipaySdk>;
