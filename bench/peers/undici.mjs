/** A proxy of thirty lines on undici that checks nothing. */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM, { pipelining: 1, allowH2: false });

const server = createServer((req, res) => {
  const { method, url } = req;
  const { 'transfer-encoding': coding, ...headers } = req.headers;
  const hasBody = coding !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) req.resume();
  pool.dispatch(
    { method, path: url, headers, body: hasBody ? req : null, headersTimeout: 0, bodyTimeout: 0 },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_controller, status, fields) => {
        if (status >= 200) res.writeHead(status, fields);
      },
      onResponseData: (controller, chunk) => {
        if (res.write(chunk)) return;
        controller.pause();
        res.once('drain', () => controller.resume());
      },
      onResponseEnd: () => res.end(),
      onResponseError: () => (res.headersSent ? res.destroy() : res.writeHead(502).end()),
    },
  );
});
server.listen(Number(process.env.PORT), '127.0.0.1');
