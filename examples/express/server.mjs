/** Express with a Loom file before its handlers: `node examples/express/server.mjs`. */
import { fileURLToPath } from 'node:url';
import express from 'express';
import { loom } from 'loom-auth';

const gate = loom(fileURLToPath(new URL('./loom.yaml', import.meta.url)));
const app = express();

app.use(gate); // before any body parser
app.get('/public/hello', (_req, res) => res.json({ hello: 'everybody' }));
app.get('/orders/mine', (req, res) => res.json({ orders: [], of: req.auth.subject }));
app.get('/admin/users', (req, res) => res.json({ users: [], asked_by: req.auth.subject }));
// `protect` guards one handler, also on an open path.
app.get('/public/report', gate.protect(['api_key', 'basic']), (req, res) => res.json({ for: req.auth.subject }));

await gate.ready;
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(`listening on ${url}`);
  console.log(`200: curl -i -H "X-API-Key: sk_example_orders" ${url}/orders/mine`);
  console.log(`401: curl -i ${url}/orders/mine`);
});
