/** The bytes of a WebSocket handshake (RFC 6455 §1.3), for sockets without a library. */
import { connect } from 'node:net';

/** A handshake with further header lines. */
export function handshake(path: string, ...lines: string[]): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...lines,
    '\r\n',
  ].join('\r\n');
}

/** Everything that comes back on a handshake until the socket closes. */
export function shakeHands(port: number, path: string, ...lines: string[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
    socket.write(handshake(path, ...lines));
  });
}
