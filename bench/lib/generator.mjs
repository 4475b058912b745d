/**
 * A load generator over raw sockets: `node generator.mjs job.json` prints what came back. It makes as few bytes and
 * objects as it can, because it shares the cores with what is measured; and it paces, which wrk does not.
 *
 * A job: `port`, `connections`, `ms`, `requests` (whole ones, taken in turn from `first` on), `rate` a second, `count`.
 * With a rate that many are sent, however late; with a count that many in all; else as many as are answered in the time.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { quantile } from './numbers.mjs';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const times = [];
const statuses = {};
let next = job.first ?? 0;
let broken = 0;
const idle = [];
/** When each request that waits for a connection was due: waiting counts (no coordinated omission). */
const due = [];
/** Known with the first connection: a process that waits for a core has sent nothing yet. */
let end = Infinity;
const total = job.rate ? Math.ceil((job.rate * job.ms) / 1_000) : Infinity;
let made = 0;
const isOver = () => {
  if (job.rate) return made >= total && due.length === 0;
  return job.count === undefined ? performance.now() >= end : next - (job.first ?? 0) >= job.count;
};

for (let i = 0; i < job.connections; i += 1) open();
const pace = job.rate ? setInterval(pacing(performance.now()), 2) : undefined;
// What is still without an answer when the time is up has not been answered.
setTimeout(report, job.ms + 5_000).unref();
const watch = setInterval(() => {
  if (isOver() && idle.length >= job.connections) report();
}, 20);

function report() {
  clearInterval(pace);
  clearInterval(watch);
  const waiting = due.length + job.connections - idle.length;
  const at = (part) => (times.length === 0 ? 0 : quantile(times, part));
  const latency = { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
  process.stdout.write(JSON.stringify({ answered: times.length, statuses, broken, waiting, latency }), () =>
    process.exit(0),
  );
}

function pacing(start) {
  return () => {
    const now = performance.now();
    for (; made < Math.min(total, ((now - start) * job.rate) / 1_000); made += 1) due.push(now);
    while (due.length > 0 && idle.length > 0) idle.pop()(due.shift());
  };
}

/** One connection: one request at a time, opened anew where the server ended it. */
function open() {
  const socket = connect(job.port, '127.0.0.1').setNoDelay(true);
  let from;
  let read = '';
  const send = (now) => {
    from = now;
    socket.write(job.requests[next++ % job.requests.length], 'latin1');
  };
  const ready = () => {
    from = undefined;
    if (job.rate ? due.length > 0 : !isOver()) send(job.rate ? due.shift() : performance.now());
    else idle.push(send);
  };
  socket.once('connect', () => {
    end = Math.min(end, performance.now() + job.ms);
    ready();
  });
  socket.setEncoding('latin1').on('data', (text) => {
    read += text;
    const length = lengthOfAnswer(read);
    if (length === undefined) return;
    times.push(performance.now() - from);
    const status = read.slice(9, 12);
    statuses[status] = (statuses[status] ?? 0) + 1;
    read = read.slice(length);
    ready();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (from !== undefined) broken += 1;
    const at = idle.indexOf(send);
    if (at >= 0) idle.splice(at, 1);
    if (!isOver()) setTimeout(open, 1);
    else idle.push(() => undefined);
  });
}

function lengthOfAnswer(read) {
  const head = read.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(read.slice(0, head + 2))?.[1];
  if (length !== undefined) return read.length >= head + 4 + Number(length) ? head + 4 + Number(length) : undefined;
  if (!/\r\ntransfer-encoding: *chunked/i.test(read.slice(0, head + 2))) return head + 4;
  const last = read.indexOf('\r\n0\r\n\r\n', head + 2);
  return last < 0 ? undefined : last + 7;
}
