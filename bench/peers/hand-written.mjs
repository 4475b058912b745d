/** What one would write by hand: a proxy of twenty lines that checks nothing. */
import { Agent, createServer, request } from 'node:http';

const upstream = new URL(process.env.UPSTREAM);
const agent = new Agent({ keepAlive: true });

const server = createServer((req, res) => {
  const { method, url, headers } = req;
  const { hostname, port } = upstream;
  const onward = request({ agent, hostname, port, method, path: url, headers }, (answer) => {
    res.writeHead(answer.statusCode, answer.headers);
    answer.pipe(res);
  });
  onward.on('error', () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
  req.pipe(onward);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
