/** A third-party Passport strategy as a method of the file: `node examples/passport-strategy/server.mjs`. */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { loom } from 'loom-auth';
import passportCustom from 'passport-custom';

const badges = new Map([['0451', { id: 'jensen' }]]);

const badge = new passportCustom.Strategy(function (req, done) {
  const number = req.headers['x-badge'];
  if (number === undefined) return this.pass(); // no credential for this method: the next one may try
  done(null, badges.get(number) ?? false);
});

const gate = loom(fileURLToPath(new URL('./loom.yaml', import.meta.url)), { strategies: { badge } });

await gate.ready;
const server = createServer((req, res) => gate(req, res, () => res.end(`open for ${req.auth.subject}\n`)));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(`listening on ${url}`);
  console.log(`200: curl -i -H "X-Badge: 0451" ${url}/doors/1`);
  console.log(`401: curl -i -H "X-Badge: 9999" ${url}/doors/1`);
});
