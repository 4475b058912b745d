/** A separate process: an upstream and a client that move large bodies, so that only the gateway is measured. */
import { createServer, request } from 'node:http';
import { once } from 'node:events';

const size = Number(process.argv[2]);
const piece = Buffer.alloc(2 ** 16);

async function pour(stream) {
  for (let left = size; left > 0; left -= piece.length) {
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
}

const upstream = createServer((req, res) => {
  if (req.method === 'GET') {
    res.setHeader('Content-Length', size);
    void pour(res);
    return;
  }
  let read = 0;
  req.on('data', (chunk) => (read += chunk.length));
  req.on('end', () => res.end(String(read)));
});
upstream.listen(0, '127.0.0.1', () => process.send({ upstream: upstream.address().port }));

process.on('message', async ({ gateway }) => {
  const down = request({ port: gateway }).end();
  const [answer] = await once(down, 'response');
  let downloaded = 0;
  for await (const chunk of answer) downloaded += chunk.length;
  const up = request({ port: gateway, method: 'POST', headers: { 'Content-Length': size } });
  const answered = once(up, 'response');
  await pour(up);
  let uploaded = '';
  for await (const chunk of (await answered)[0]) uploaded += chunk;
  process.send({ downloaded, uploaded: Number(uploaded) });
});
