/** http-proxy-middleware alone, with a keep-alive agent: the cost of forwarding without authentication. */
import { Agent, createServer } from 'node:http';
import { createProxyMiddleware } from 'http-proxy-middleware';

const proxy = createProxyMiddleware({ target: process.env.UPSTREAM, agent: new Agent({ keepAlive: true }) });
const server = createServer((req, res) => proxy(req, res, () => res.writeHead(404).end()));
server.listen(Number(process.env.PORT), '127.0.0.1');
