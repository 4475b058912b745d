/** Plugins as methods, before a backend of one line: `node examples/wasm-plugin/server.mjs`. `build.mjs` made the modules. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const cli = fileURLToPath(new URL('./dist/cli/main.js', import.meta.resolve('loom-auth/package.json')));

const backend = createServer((req, res) =>
  res.end(`${req.url} for ${req.headers['x-authenticated-user'] ?? 'anybody'}\n`),
);
backend.listen(0, '127.0.0.1', () => {
  const env = { ...process.env, BACKEND: `127.0.0.1:${backend.address().port}` };
  const gateway = spawn(process.execPath, [cli, 'serve', here('./loom.yaml')], { env, stdio: 'inherit' });
  gateway.on('exit', (code) => process.exit(code ?? 0));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => gateway.kill('SIGTERM'));
  const url = `http://127.0.0.1:${process.env.GATEWAY_PORT ?? 8080}`;
  // The header that the client adds is not the one that arrives.
  console.log(`200: curl -i -H "X-API-Key: sk_example_orders" -H "X-Authenticated-User: admin" ${url}/orders/1`);
  console.log(`401: curl -i ${url}/orders/1`);
});
