/** A fixed number of requests over kept connections, one after another on each: the same work in every run. */
import { connect } from 'node:net';
import { request } from './load.mjs';

/** Opens the connections. `send` resolves when as many requests have their responses. */
export async function openExchanges(port, connections) {
  const opened = await Promise.all(Array.from({ length: connections }, () => open(port)));
  return {
    send: async (path, { headers, status, count }) => {
      const bytes = Buffer.from(request(path, headers), 'latin1');
      let left = count;
      const next = () => left-- > 0;
      await Promise.all(opened.map((each) => each(bytes, { next, status })));
    },
  };
}

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
    socket.once('error', reject);
    socket.once('connect', () => resolve((bytes, terms) => exchange(socket, bytes, terms)));
  });
}

function exchange(socket, bytes, { next, status }) {
  return new Promise((resolve, reject) => {
    let read = '';
    const end = (settle, value) => {
      socket.off('data', received).off('close', closed);
      settle(value);
    };
    const closed = () => end(reject, new Error('the gateway closed a connection'));
    const go = () => (next() ? socket.write(bytes) : end(resolve));
    const received = (text) => {
      read += text;
      const head = read.indexOf('\r\n\r\n');
      const length = /\r\ncontent-length: *(\d+)/i.exec(read)?.[1];
      const chunked = length === undefined && head >= 0;
      if (head < 0 || (chunked ? !read.endsWith('0\r\n\r\n') : read.length < head + 4 + Number(length))) return;
      if (read.slice(9, 12) !== String(status)) return end(reject, new Error(`answered ${read.slice(9, 12)}`));
      read = '';
      go();
    };
    socket.on('data', received).on('close', closed);
    go();
  });
}
