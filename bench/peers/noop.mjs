/** The floor: a server that does nothing but answer. It is the backend of all the others, too. */
import { createServer } from 'node:http';

const server = createServer((_req, res) => res.end('{"hello":"from the backend"}'));
// The pools of contenders that wait for their turn stay open.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env.PORT), '127.0.0.1');
