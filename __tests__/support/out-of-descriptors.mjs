/** A separate process: a gateway that takes all its file descriptors on request, and releases them. */
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { devNull } from 'node:os';

const [, , packageFile, text] = process.argv;
const { loom } = await import(packageFile);

const lines = [];
const write = (facts, words) => void lines.push({ ...facts, words });
const gate = loom({ text, file: 'loom.yaml' }, { log: { info: write, warn: write, error: write } });
const server = createServer((req, res) => gate(req, res, () => res.end('not proxied')));
gate.attach(server);
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

const taken = [];

function exhaust() {
  try {
    for (;;) taken.push(openSync(devNull));
  } catch (error) {
    return error.code;
  }
}

process.on('message', (order) => {
  if (order === 'exhaust') process.send({ code: exhaust() });
  else if (order === 'free') {
    for (const descriptor of taken.splice(0)) closeSync(descriptor);
    process.send({ left: taken.length });
  } else process.send({ lines: lines.splice(0) });
});
