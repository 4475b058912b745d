/** Connections that take their time: a beginning at once, then a byte now and then, or nothing at all. */
import { connect } from 'node:net';
import { sleep } from './contender.mjs';

/** Each connection sends a byte every 200 ms; not all of them at once. */
const TICK_MS = 10;
const SHARES = 20;

/** How many could be opened. */
export async function dripping({ port, head, sockets, rate, ms, still = false }) {
  const open = new Set();
  const from = performance.now();
  let opened = 0;
  for (let i = 0; i < sockets; i += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
    socket.once('connect', () => {
      opened += 1;
      open.add(socket);
      socket.write(head);
    });
    socket.resume();
    // At the pace of the other floods: how fast connections can be made is another question than what they hold up.
    if (performance.now() - from < (i * 1_000) / rate) await sleep(2);
  }
  let turn = 0;
  const one = () => {
    turn = (turn + 1) % SHARES;
    [...open].forEach((socket, at) => at % SHARES === turn && socket.write('x'));
  };
  const timer = still ? undefined : setInterval(one, TICK_MS);
  await sleep(Math.max(0, ms - (performance.now() - from)));
  clearInterval(timer);
  open.forEach((socket) => socket.destroy());
  return opened;
}
