/** What express.md says of its hosts beyond its commands. */
import { pageOf, type Block } from './pages.js';
import { Scene } from './scene.js';

const { blocks } = pageOf('docs/express.md');
const find = (test: (block: Block) => boolean): Block => {
  const block = blocks.find(test);
  if (!block) throw new Error('express.md lacks a block that this test needs');
  return block;
};
const file = find(({ language }) => language === 'yaml');
const server = find(({ language, text }) => language === 'js' && text.includes("from 'express'"));

describe('the Express program', () => {
  const scene = new Scene({ packages: { express: 'express4' } });
  beforeAll(async () => {
    await scene.open();
    scene.load(scene.write(file));
    await scene.run(scene.write(server));
  });
  afterAll(() => scene.close());

  test('runs unchanged on Express 4', async () => {
    const status = async (line: string): Promise<number> => (await scene.curl(line)).status;
    expect(await status('curl http://127.0.0.1:3000/public/hello')).toBe(200);
    expect(await status('curl http://127.0.0.1:3000/orders')).toBe(401);
    expect(await status('curl -H "X-API-Key: sk_example_orders" http://127.0.0.1:3000/orders')).toBe(200);
    expect(await status('curl http://127.0.0.1:3000/no/such/path')).toBe(401);
  });
});

describe('a body parser before Loom', () => {
  const scene = new Scene();
  beforeAll(async () => {
    await scene.open();
    const text = `${file.text}  - { id: far, path: /far/*, upstream: far, auth: { api_key: true } }
upstreams:
  - { name: far, endpoints: ["127.0.0.1:9001"] }
`;
    scene.load(scene.write({ ...file, text }));
    const lines = server.text.split('\n').filter((line) => line !== 'app.use(gate);');
    const at = lines.indexOf('app.use(express.json());');
    await scene.run(scene.write({ ...server, text: lines.toSpliced(at + 1, 0, 'app.use(gate);').join('\n') }));
  });
  afterAll(() => scene.close());

  const post = (path: string) =>
    scene.curl(
      `curl -H "X-API-Key: sk_example_orders" -H "Content-Type: application/json" -d '{"id":1}' http://127.0.0.1:3000${path}`,
    );

  test('takes the body from a route with an upstream', async () => {
    const answer = await post('/far/x');
    expect([answer.status, (JSON.parse(answer.body) as { code: string }).code]).toEqual([500, 'body_consumed']);
  });

  test('changes nothing for a route without one', async () => {
    expect((await post('/orders')).status).toBe(201);
  });
});
