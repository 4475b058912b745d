/** `loom-auth diff`: what another file changes for callers, and when that fails a deployment. */
import { loomAuth, write } from './command.js';

const file = (admin: string, keys = '{ name: ci, key: first-key-of-the-file }'): string => `
listeners: [{ address: "127.0.0.1:18080" }]
middleware: { auth: { api_key: { keys: [${keys}] }, jwt: { issuer: "https://id.example", audience: api, jwks_url: "https://id.example/jwks" } } }
routes:
  - { id: admin, path: /admin/*, upstream: backend, auth: ${admin} }
  - { id: other, path: /other/*, upstream: backend, auth: { api_key: true } }
  - { id: logo, path: /admin/logo, upstream: backend, auth: none }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:9001"] }]
`;

test('says nothing changes where nothing does', async () => {
  const [one, two] = [
    write('one.yaml', file('{ jwt: true }')),
    write('two.yaml', `# edited\n${file('{ jwt: true }')}`),
  ];
  expect(await loomAuth(['diff', one, two])).toEqual({ code: 0, stdout: 'No caller sees a difference.\n', stderr: '' });
});

test('says what changes, class by class', async () => {
  const one = write('old.yaml', file('{ jwt: true }'));
  const two = write(
    'new.yaml',
    file('{ api_key: true }', '{ name: ci, key: first-key-of-the-file }, { name: cd, key: second-key-of-the-file }'),
  );
  const { code, stdout } = await loomAuth(['diff', one, two]);
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      'access',
      '  /admin/*: jwt → api_key',
      '  middleware.auth.api_key.keys[cd]: added',
      '',
      '2 differences: 2 access.',
      '',
    ].join('\n'),
  );
  expect(JSON.parse((await loomAuth(['diff', '--json', one, two])).stdout)).toEqual({
    seen: true,
    summary: { access: 2 },
    differences: [
      { class: 'access', where: '/admin/*', change: 'changed', before: 'jwt', after: 'api_key', seen: true },
      { class: 'access', where: 'middleware.auth.api_key.keys[cd]', change: 'added', seen: true, hidden: 'secret' },
    ],
    changes: [{ where: '/admin/*', before: 'jwt', after: 'api_key', opens: false, route: 0 }],
  });
});

test.each([
  ['a path that opens unasked fails with --exit-code', ', auth: BLOCK', '', 1],
  ['twin: one that is opened on purpose does not', 'BLOCK', 'none', 0],
])('%s', async (_name, what, by, code) => {
  const one = write('shut.yaml', file('{ jwt: true }'));
  const two = write('open.yaml', file('BLOCK').replace(what, by));
  const plain = await loomAuth(['diff', one, two]);
  expect([plain.code, plain.stdout]).toEqual([0, expect.stringContaining('/admin/*: jwt → PUBLIC\n')]);
  expect((await loomAuth(['diff', '--exit-code', one, two])).code).toBe(code);
});

test('a file with a mistake fails, with its place', async () => {
  const [one, two] = [write('good.yaml', file('{ jwt: true }')), write('bad.yaml', file('{ jwtt: true }'))];
  for (const files of [
    [one, two],
    [two, one],
  ]) {
    const { code, stdout, stderr } = await loomAuth(['diff', ...files]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/bad\.yaml:5:\d+ routes\[0\]\.auth\.jwtt/);
  }
});
