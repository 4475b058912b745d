import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { writeAuthority, type AuthorityFiles } from '../../src/demo/authority.js';

const directory = mkdtempSync(join(tmpdir(), 'loom-authority-'));
let files: AuthorityFiles;
beforeAll(async () => {
  files = await writeAuthority(directory);
});
const closing: (() => Promise<unknown>)[] = [];
afterEach(() => Promise.all(closing.splice(0).map((close) => close())));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const certificate = (path: string) => new X509Certificate(readFileSync(path));

test('both certificates are the CA’s, and neither is an authority itself', () => {
  const ca = certificate(files.ca);
  expect(ca.ca).toBe(true);
  for (const leaf of [certificate(files.serverCert), certificate(files.clientCert)]) {
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.ca).toBe(false);
  }
});

test('private keys are for their owner alone', () => {
  for (const key of [files.serverKey, files.clientKey]) expect(statSync(key).mode & 0o077).toBe(0);
});

test('server and client shake hands, and each trusts the other by the CA alone', async () => {
  const read = (path: string) => readFileSync(path);
  const server = createServer(
    {
      cert: read(files.serverCert),
      key: read(files.serverKey),
      ca: read(files.ca),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (req, res) => res.end(String((req.socket as TLSSocket).authorized)),
  );
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const call = (host: string, extra: object) =>
    new Promise<string>((resolve, reject) => {
      request({ host, port, ca: read(files.ca), agent: false, ...extra }, (res) => {
        res.setEncoding('utf8').on('data', resolve);
      })
        .on('error', reject)
        .end();
    });
  const shown = { cert: read(files.clientCert), key: read(files.clientKey) };
  expect(await call('127.0.0.1', shown)).toBe('true');
  expect(await call('127.0.0.1', {})).toBe('false');
  // A server's certificate is none for a client (extended key usage).
  expect(await call('127.0.0.1', { cert: read(files.serverCert), key: read(files.serverKey) })).toBe('false');
  await expect(call('127.0.0.1', { servername: 'example.com' })).rejects.toThrow();
});
