/** `serve --workers`: several processes on the same ports, replaced when they die, ended together. */
import { createServer, type Server } from 'node:http';
import { existsSync, lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer as createNetServer, type Socket } from 'node:net';
import { folder, loomAuth, start, write } from '../cli/command.js';
import { ask } from '../support/ask.js';
import { freePorts } from '../support/ports.js';
import type { Background } from '../support/process.js';
import { sendPieces } from '../support/proxy-headers.js';
import { closed, listening } from '../support/recording-upstream.js';
import { until } from '../support/until.js';
import { visitor } from './tickets.js';
import { makeTlsFiles, type TlsFiles } from './tls-files.js';

const KEY = 'sk_workers_0123456789';
const key = { 'X-API-Key': KEY };

/** Answers at once, but under `/slow` only when the test lets it. */
let backend: Server;
let backendPort = 0;
let files: TlsFiles;
const held: (() => void)[] = [];
const sockets: Socket[] = [];

beforeAll(async () => {
  files = makeTlsFiles();
  backend = createServer((req, res) => {
    if (req.url?.startsWith('/slow')) held.push(() => res.end('late'));
    else res.end('hello');
  }).on('connection', (socket) => sockets.push(socket));
  backendPort = await listening(backend);
});

afterAll(async () => {
  await closed(backend, sockets);
  files.remove();
});

const started: Background[] = [];
afterEach(async () => {
  held.splice(0).forEach((letGo) => letGo());
  await Promise.all(started.splice(0).map((each) => each.stop('SIGKILL')));
});

interface Ports {
  readonly plain: number;
  readonly tls: number;
  readonly asking: number;
}

const fileOf = ({ plain, tls, asking }: Ports, more = ''): string => `
listeners:
  - { name: plain, address: "127.0.0.1:${plain}", protocol: http }
  - { name: tls, address: "127.0.0.1:${tls}", tls: { cert_file: ${files.path('server.crt')}, key_file: ${files.path('server.key')} } }
  - name: asking
    address: "127.0.0.1:${asking}"
    tls: { cert_file: ${files.path('server.crt')}, key_file: ${files.path('server.key')}, client_auth: request, ca_file: ${files.path('ca.crt')} }
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: app }] } } }
routes:
  - { id: all, path: /*, upstream: backend, auth: { api_key: true } }
  - { id: certified, path: /certified, upstream: backend, auth: { mtls: true } }
upstreams: [{ name: backend, endpoints: ["127.0.0.1:${backendPort}"] }]
logging: { access: {} }
${more}`;

interface Line {
  readonly worker?: number;
  readonly pid?: number;
  readonly msg: string;
  readonly path?: string;
  readonly listener?: string;
  readonly client?: string;
}

interface Gateway extends Ports {
  readonly primary: Background;
  readonly file: string;
  lines(): readonly Line[];
  /** The processes that have said that they serve, by their numbers. */
  pids(): ReadonlyMap<number, number>;
  get(path: string): Promise<number>;
}

async function gateway(args: readonly string[] = [], more = ''): Promise<Gateway> {
  const [plain = 0, tls = 0, asking = 0] = await freePorts(3);
  const ports = { plain, tls, asking };
  const file = write(`${plain}.yaml`, fileOf(ports, more));
  const primary = start(['serve', '--workers', '2', ...args, file]);
  started.push(primary);
  const lines = (): Line[] =>
    primary.output.split('\n').flatMap((line) => (/^\{.*\}$/.test(line) ? [JSON.parse(line) as Line] : []));
  const pids = (): Map<number, number> =>
    new Map(lines().flatMap(({ msg, worker = 0, pid = 0 }) => (msg === 'a worker serves' ? [[worker, pid]] : [])));
  const get = (path: string): Promise<number> =>
    ask({ port: plain, path, headers: key }).then(
      ({ status }) => status,
      () => 0,
    );
  await until(
    () => pids().size === 2,
    () => primary.output,
  );
  return { ...ports, primary, file, lines, pids, get };
}

/** Which workers have answered requests of a path. */
const answeredBy = (gate: Gateway, path: string): ReadonlySet<number | undefined> =>
  new Set(gate.lines().flatMap((line) => (line.path === path ? [line.worker] : [])));

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const letAllGo = (): void => held.splice(0).forEach((letGo) => letGo());

test('both answer; one that is killed breaks its own connections alone, and another takes its place', async () => {
  const gate = await gateway();
  const statuses = await Promise.all(Array.from({ length: 20 }, () => gate.get('/both')));
  expect(new Set(statuses)).toEqual(new Set([200]));
  await until(() => answeredBy(gate, '/both').size === 2);
  const [[victim = 0, pid = 0] = []] = gate.pids();
  const slow = Array.from({ length: 6 }, (_, at) => gate.get(`/slow/${at}`));
  await until(() => held.length === 6);
  process.kill(pid, 'SIGKILL');
  await until(() => /a worker has died/.test(gate.primary.output));
  // The other worker still serves new requests.
  expect(await Promise.all(Array.from({ length: 10 }, () => gate.get('/meanwhile')))).toEqual(Array(10).fill(200));
  letAllGo();
  const outcomes = await Promise.all(slow);
  await until(
    () => gate.pids().size === 3,
    () => gate.primary.output,
  );
  const survived = gate.lines().filter(({ path }) => path?.startsWith('/slow'));
  expect(survived.map(({ worker }) => worker)).not.toContain(victim);
  expect(outcomes.filter((status) => status === 200)).toHaveLength(survived.length);
  expect(outcomes.filter((status) => status === 0)).toHaveLength(6 - survived.length);
  expect([survived.length > 0, survived.length < 6]).toEqual([true, true]);
  await Promise.all(Array.from({ length: 20 }, () => gate.get('/after')));
  await until(() => answeredBy(gate, '/after').has(3));
  expect(await gate.primary.stop()).toBe(0);
});

test('SIGTERM ends all of them, once the requests in flight have their answers', async () => {
  const gate = await gateway();
  const slow = Array.from({ length: 4 }, () => gate.get('/slow'));
  await until(() => held.length === 4);
  const ended = gate.primary.stop('SIGTERM');
  // A supervisor signals the whole group: for a worker that is no second word.
  for (const pid of gate.pids().values()) process.kill(pid, 'SIGTERM');
  await gate.primary.until(/stopping: requests in flight may finish/);
  await until(() => [...gate.pids().values()].every(lives));
  letAllGo();
  expect(await Promise.all(slow)).toEqual([200, 200, 200, 200]);
  expect(await ended).toBe(0);
  expect([...gate.pids().values()].filter(lives)).toEqual([]);
  expect(gate.primary.output).not.toMatch(/has died/);
});

test('a second signal does not wait, and leaves no worker running', async () => {
  const gate = await gateway();
  const slow = gate.get('/slow');
  await until(() => held.length === 1);
  const ended = gate.primary.stop('SIGINT');
  await gate.primary.until(/stopping/);
  process.kill(gate.primary.pid, 'SIGINT');
  expect(await ended).toBe(130);
  expect(await slow).toBe(0);
  await until(() => [...gate.pids().values()].every((pid) => !lives(pid)));
});

test('no worker outlives a primary that is killed', async () => {
  const gate = await gateway();
  await gate.primary.stop('SIGKILL');
  await until(() => [...gate.pids().values()].every((pid) => !lives(pid)));
});

test('SIGHUP reaches every one of them; each says in its log who it is, and the primary what several counts mean', async () => {
  const gate = await gateway(['--no-watch'], 'rate_limit: { rate: 1000, key: ip }\n');
  expect(gate.primary.output.match(/each worker counts for itself: 2 x the limit/g)).toHaveLength(1);
  expect(await gate.get('/new/x')).toBe(200);
  write(
    `${gate.plain}.yaml`,
    fileOf(gate).replace(
      'routes:\n',
      'routes:\n  - { path: /new/*, upstream: backend, methods: [PUT], auth: { api_key: true } }\n',
    ),
  );
  process.kill(gate.primary.pid, 'SIGHUP');
  let refusals = 0;
  const poll = async (): Promise<void> => {
    refusals = (await gate.get('/new/x')) === 405 ? refusals + 1 : 0;
    // Connections go to one after the other.
    if (refusals < 6) await poll();
  };
  await poll();
  expect(answeredBy(gate, '/new/x').size).toBe(2);
  expect(gate.pids().size).toBe(2);
});

test('each worker answers with the metrics of all workers, and the sums do not fall when a worker dies', async () => {
  const [admin = 0] = await freePorts(1);
  const gate = await gateway([], `admin: { address: "127.0.0.1:${admin}" }\nmetrics: {}\n`);
  const granted = async (): Promise<number> => {
    const { body } = await ask({ port: admin, path: '/metrics', headers: { Connection: 'close' } });
    const lines = body.split('\n').filter((line) => /^loom_decisions_total\{.*route="all"/.test(line));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  await Promise.all(Array.from({ length: 20 }, () => gate.get('/counted')));
  await until(() => answeredBy(gate, '/counted').size === 2);
  const asked = [];
  for (let at = 0; at < 4; at++) asked.push(await granted());
  expect(asked).toEqual([20, 20, 20, 20]);
  // These requests are not scraped before the kill. The worker reports them by itself, each second.
  await Promise.all(Array.from({ length: 20 }, () => gate.get('/counted')));
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const [[, pid = 0] = []] = gate.pids();
  process.kill(pid, 'SIGKILL');
  await until(
    () => gate.pids().size === 3,
    () => gate.primary.output,
  );
  expect(await gate.get('/counted')).toBe(200);
  expect([await granted(), await granted()]).toEqual([41, 41]);
  expect((await ask({ port: admin, path: '/ready' })).status).toBe(200);
});

describe('session tickets', () => {
  test('of one worker resume at the other; none ever on a listener that asks for certificates', async () => {
    const gate = await gateway();
    const visit = visitor(files.read('ca.crt'), key);
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const only = { minVersion: version, maxVersion: version };
      const { ticket } = await visit(gate.tls, '/first', only);
      expect(ticket).toBeDefined();
      const again = [];
      for (let at = 0; at < 6; at++)
        again.push(await visit(gate.tls, `/again-${version}`, { ...only, session: ticket }));
      expect([version, again.map(({ reused }) => reused)]).toEqual([version, Array(6).fill(true)]);
      await until(() => answeredBy(gate, `/again-${version}`).size === 2);
      const certificate = { cert: files.read('client.crt'), key: files.read('client.key') };
      for (const own of [{}, certificate]) {
        const asked = await visit(gate.asking, '/x', { ...only, ...own });
        for (const session of [ticket, asked.ticket]) {
          if (!session) continue;
          for (let at = 0; at < 4; at++)
            expect((await visit(gate.asking, '/x', { ...only, ...own, session })).reused).toBe(false);
        }
      }
    }
  });
});

describe('workers that cannot start', () => {
  test('for a wrong file: told once, exit code 1, nothing is started', async () => {
    const file = write(
      'wrong.yaml',
      fileOf({ plain: 1, tls: 2, asking: 3 }).replace(
        'upstream: backend, auth: { api',
        'upstrem: backend, auth: { api',
      ),
    );
    const { code, stderr } = await loomAuth(['serve', '--workers', '2', file]);
    expect(code).toBe(1);
    expect(stderr.match(/routes\[0\]\.upstrem/g)).toHaveLength(1);
  });

  test('for a certificate that cannot be read: exit code 1', async () => {
    const text = fileOf({ plain: 1, tls: 2, asking: 3 }).replace(files.path('server.crt'), files.path('none.crt'));
    const { code, stderr } = await loomAuth(['serve', '--workers', '2', write('none.yaml', text)]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.crt cannot be read/)]);
  });

  test('for a port that is in use: logged once, exit code 3', async () => {
    const [tls = 0, asking = 0] = await freePorts(2);
    const file = write('taken.yaml', fileOf({ plain: backendPort, tls, asking }));
    const { code, stderr } = await loomAuth(['serve', '--workers', '2', file]);
    expect(code).toBe(3);
    expect(stderr.match(/is already in use/g)).toHaveLength(1);
  });

  test.each(['0', '1000'])('for %s of them: exit code 2', async (count) => {
    const { code, stderr } = await loomAuth(['serve', `--workers=${count}`, 'loom.yaml']);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/from 1 to 256/)]);
  });

  test('again, when no worker is left: the primary gives up after some tries, with a clear message and exit code 2', async () => {
    const gate = await gateway(['--no-watch']);
    write(`${gate.plain}.yaml`, 'routes: nonsense\n');
    for (const pid of gate.pids().values()) process.kill(pid, 'SIGKILL');
    expect(await gate.primary.ended).toBe(2);
    expect(gate.primary.output).toMatch(/no worker is left and none can be started: the gateway ends/);
    expect(gate.primary.output.match(/a worker could not start/g)?.length).toBeGreaterThanOrEqual(4);
  }, 60_000);
});

describe('SIGTERM with a delay', () => {
  const delayed = 'shutdown: { delay: 1h, timeout: 1m }\nhealth: { path: /healthz }\n';
  const health = async ({ plain }: Gateway): Promise<ReadonlySet<number>> => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask({ port: plain, path: '/healthz' })));
    return new Set(answers.map(({ status }) => status));
  };

  test('all workers answer 503 to health checks and 200 to requests; a second signal closes the ports', async () => {
    const gate = await gateway([], delayed);
    expect(await health(gate)).toEqual(new Set([200]));
    const slow = gate.get('/slow');
    await until(() => held.length === 1);
    const ended = gate.primary.stop('SIGTERM');
    // A supervisor signals the whole group.
    for (const pid of gate.pids().values()) process.kill(pid, 'SIGTERM');
    await gate.primary.until(/stopping: requests in flight may finish/);
    let seen = await health(gate);
    while (seen.has(200)) seen = await health(gate);
    expect(seen).toEqual(new Set([503]));
    const answers = await Promise.all(Array.from({ length: 8 }, () => gate.get('/meanwhile')));
    expect(new Set(answers)).toEqual(new Set([200]));
    process.kill(gate.primary.pid, 'SIGTERM');
    await gate.primary.until(/stopping without the rest of the delay/);
    while ((await gate.get('/x')) !== 0) await new Promise((resolve) => setTimeout(resolve, 20));
    letAllGo();
    expect(await slow).toBe(200);
    expect(await ended).toBe(0);
    expect([...gate.pids().values()].filter(lives)).toEqual([]);
  });

  test('SIGINT closes the ports at once', async () => {
    const gate = await gateway([], delayed);
    expect(await gate.primary.stop('SIGINT')).toBe(0);
  });
});

test('share a Unix socket with the permissions of the file, replace a stale one, and remove it at the end', async () => {
  const path = `${folder}/shared.sock`;
  const dead = createNetServer();
  await new Promise<void>((done) => dead.listen(`${path}.dead`, done));
  renameSync(`${path}.dead`, path);
  await new Promise((done) => dead.close(done));
  const umask = process.umask(0);
  const gate = await gateway().finally(() => process.umask(umask));
  const listener = `  - { name: local, address: "unix:${path}", mode: "0660", proxy_protocol: { from: [unix] } }`;
  writeFileSync(gate.file, readFileSync(gate.file, 'utf8').replace('listeners:', `listeners:\n${listener}`));
  await until(
    () => gate.lines().filter(({ msg, listener: name }) => msg === 'listening' && name === 'local').length === 2,
    () => gate.primary.output,
  );
  expect((lstatSync(path).mode & 0o777).toString(8)).toBe('660');
  const header = 'PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\r\n';
  const status = async (): Promise<number | undefined> => {
    const request = `${header}GET /socket HTTP/1.1\r\nHost: a\r\nX-API-Key: ${KEY}\r\n\r\n`;
    return (await sendPieces({ path }, [request])).statuses[0];
  };
  for (let at = 0; at < 12; at += 1) expect(await status()).toBe(200);
  await until(() => answeredBy(gate, '/socket').size === 2);
  const client = gate.lines().find((line) => line.path === '/socket')?.client;
  expect(client).toBe('198.51.100.8');
  // The socket outlives a worker.
  const [[, pid = 0] = []] = gate.pids();
  process.kill(pid, 'SIGKILL');
  await until(() => gate.pids().size === 3);
  expect(await status()).toBe(200);
  expect(await gate.primary.stop()).toBe(0);
  expect(existsSync(path)).toBe(false);
});
