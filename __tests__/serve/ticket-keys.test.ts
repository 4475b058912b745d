import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import { TicketKeys, type TicketScope } from '../../src/serve/ticket-keys.js';
import { closed, listening } from '../support/recording-upstream.js';
import { visitor } from './tickets.js';
import { makeTlsFiles, type TlsFiles } from './tls-files.js';

let files: TlsFiles;
let scope: TicketScope;
const servers: Server[] = [];

beforeAll(() => {
  files = makeTlsFiles();
  scope = { listener: 'tls', port: 443, certificate: files.read('server.crt') };
});
afterEach(() => Promise.all(servers.splice(0).map((server) => closed(server, []))));
afterAll(() => files.remove());

/** As another process would have it: a server of its own, with keys made from the same secret. */
async function serverWith(keys: TicketKeys, own: Partial<TicketScope> = {}): Promise<{ server: Server; port: number }> {
  const tls = { cert: files.read('server.crt'), key: files.read('server.key'), sessionIdContext: 'one' };
  const server = createServer(tls, (_req, res) => res.end('hello'));
  servers.push(server);
  keys.use(server, { ...scope, ...own });
  return { server, port: await listening(server) };
}

const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const visiting = (version: (typeof versions)[number]) => {
  const visit = visitor(files.read('ca.crt'));
  return (port: number, session?: Buffer) =>
    visit(port, '/', { minVersion: version, maxVersion: version, ...(session && { session }) });
};

describe.each(versions)('a ticket of %s', (version) => {
  test('resumes wherever the secret is the same, and nowhere else', async () => {
    const secret = randomBytes(32);
    const visit = visiting(version);
    const here = await serverWith(new TicketKeys(secret));
    const there = await serverWith(new TicketKeys(Buffer.from(secret)));
    const elsewhere = await serverWith(new TicketKeys(randomBytes(32)));
    const { ticket } = await visit(here.port);
    expect((await visit(there.port, ticket)).reused).toBe(true);
    expect((await visit(here.port, ticket)).reused).toBe(true);
    expect((await visit(elsewhere.port, ticket)).reused).toBe(false);
  });

  test.each<[string, Partial<TicketScope>]>([
    ['of another name', { listener: 'other' }],
    ['on another port', { port: 8443 }],
    ['with another certificate', { certificate: 'another' }],
  ])('does not resume at a listener %s', async (_what, own) => {
    const keys = new TicketKeys(randomBytes(32));
    const visit = visiting(version);
    const here = await serverWith(keys);
    const other = await serverWith(keys, own);
    const { ticket } = await visit(here.port);
    expect((await visit(other.port, ticket)).reused).toBe(false);
    expect((await visit(here.port, ticket)).reused).toBe(true);
  });

  test('is worth nothing once the secret is another, and later ones are', async () => {
    const keys = new TicketKeys(randomBytes(32));
    const visit = visiting(version);
    const here = await serverWith(keys);
    const before = await visit(here.port);
    keys.rotate(randomBytes(32));
    const after = await visit(here.port, before.ticket);
    expect(after.reused).toBe(false);
    expect((await visit(here.port, after.ticket)).reused).toBe(true);
  });

  test('outlives a certificate that is read again, if it is said again; a closed server is forgotten', async () => {
    const keys = new TicketKeys(randomBytes(32));
    const visit = visiting(version);
    const { server, port } = await serverWith(keys);
    const { ticket } = await visit(port);
    server.setSecureContext({ cert: files.read('server.crt'), key: files.read('server.key'), sessionIdContext: 'one' });
    keys.use(server, scope);
    expect((await visit(port, ticket)).reused).toBe(true);
    await closed(server, []);
    expect(() => keys.rotate(randomBytes(32))).not.toThrow();
  });
});
