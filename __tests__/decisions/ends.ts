/** A wait for the end of a socket that ends itself. */
import type { Socket } from 'node:net';

const MANY_MS = 10_000;

/** `ended` once the peer has closed its side, `open` if it never does. */
export function ends(socket: Socket): Promise<'ended' | 'open'> {
  if (socket.readableEnded || socket.destroyed) return Promise.resolve('ended');
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve('open'), MANY_MS);
    const over = (): void => {
      clearTimeout(late);
      resolve('ended');
    };
    socket.once('end', over).once('close', over);
  });
}
