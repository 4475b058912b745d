/** Connect behind HTTP Basic: `node examples/connect/server.mjs`. */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import connect from 'connect';
import { loom } from 'loom-auth';

const gate = loom(fileURLToPath(new URL('./loom.yaml', import.meta.url)));
const app = connect();

app.use(gate);
app.use((req, res) => res.end(`hello ${req.auth.subject}\n`));

await gate.ready;
const server = createServer(app);
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(`listening on ${url}`);
  console.log(`200: curl -i -u "admin:correct horse" ${url}/`);
  console.log(`401: curl -i -u "admin:guess" ${url}/`);
});
