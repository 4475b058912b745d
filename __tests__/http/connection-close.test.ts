/** Callbacks at the close of a connection. */
import { once } from 'node:events';
import { Socket } from 'node:net';
import { onConnectionClose } from '../../src/http/connection-close.js';

async function closed(): Promise<Socket> {
  const socket = new Socket().destroy();
  await once(socket, 'close');
  return socket;
}

test('a connection that has closed calls back at once, because its client has left already', async () => {
  const left = jest.fn();
  onConnectionClose(await closed(), left);
  expect(left).toHaveBeenCalledTimes(1);
});

test('twin: an open connection calls back once, at its close, and not after the cancellation', async () => {
  const [left, cancelled] = [jest.fn(), jest.fn()];
  const socket = new Socket();
  onConnectionClose(socket, left);
  onConnectionClose(socket, cancelled)();
  expect(left).not.toHaveBeenCalled();
  await once(socket.destroy(), 'close');
  expect([left.mock.calls.length, cancelled.mock.calls.length]).toEqual([1, 0]);
});
