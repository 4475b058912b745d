/** WebSockets that open only with a token: `node examples/websocket/server.mjs`. */
import { createHmac, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { loom } from 'loom-auth';
import { WebSocketServer } from 'ws';

process.env.CHAT_SECRET ??= randomBytes(32).toString('base64url');
const gate = loom(fileURLToPath(new URL('./loom.yaml', import.meta.url)));

const server = createServer((req, res) => gate(req, res, () => res.end('connect to /chat\n')));
const sockets = new WebSocketServer({ server, path: '/chat' }); // `/` is open and has no caller
sockets.on('connection', (socket, req) => {
  socket.send(`welcome ${req.auth.subject}`);
  socket.on('message', (message) => socket.send(`${req.auth.subject}: ${message}`));
});
gate.attach(server); // `upgrade` listeners see admitted sockets only, also listeners that are added later

await gate.ready;
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = server.address();
  console.log(`listening on http://127.0.0.1:${port}`);
  console.log(`token ${newToken('alice')}`);
  console.log(`new WebSocket('ws://127.0.0.1:${port}/chat', ['bearer', token]) opens; without the token it does not`);
});

function newToken(sub) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'https://chat.example', aud: 'chat', sub, iat: now, exp: now + 3600 };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', process.env.CHAT_SECRET).update(signed).digest('base64url')}`;
}
