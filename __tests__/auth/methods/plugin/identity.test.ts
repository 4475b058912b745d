/** Whom a plugin names, as a host application sees it in `req.auth`; and a plugin that is not ready. */
import { createServer, type IncomingMessage } from 'node:http';
import { loom } from '../../../../src/loom.js';
import { pluginIdentity } from '../../../../src/auth/methods/plugin/identity.js';
import type { Pair } from '../../../../src/wasm/header-map.js';
import { closePlugins, moduleFile } from '../../../attacks/wsm/plugin-ground.js';
import { ask } from '../../../support/ask.js';
import { quietLog } from '../../../support/quiet-log.js';
import { closed, listening } from '../../../support/recording-upstream.js';
import { callback, i32, made, type Kit } from '../../../support/wat-plugin.js';
import type { Parts } from '../../../support/wat.js';

afterAll(closePlugins);

async function openLoom(build: (kit: Kit) => Parts, options = '') {
  const path = moduleFile(await made(build));
  const text = `middleware: { auth: { chain: [custom] } }
plugins: [{ name: custom, path: "${path}", timeout: 1s, identity_headers: [X-User, X-Tenant] ${options} }]`;
  return loom({ text, file: 'loom.yaml' }, { log: quietLog() });
}

async function authOf(build: (kit: Kit) => Parts, options = ''): Promise<unknown> {
  const gate = await openLoom(build, options);
  await gate.ready;
  const server = createServer((req, res) =>
    gate(req, res, () => res.end(JSON.stringify((req as IncomingMessage & { auth: unknown }).auth))),
  );
  const port = await listening(server);
  try {
    const { status, body } = await ask({ port, headers: { 'X-User': 'root', 'X-Tenant': 'all' } });
    return status === 200 ? JSON.parse(body) : status;
  } finally {
    await closed(server, []);
    await gate.close();
  }
}

const set = (kit: Kit, path: string, value: string): string =>
  kit.do('proxy_set_property', kit.text(path), kit.text(value));

test.each(['worker', 'inline'])('its properties are the identity, its headers are claims, %s', async (isolation) => {
  const auth = await authOf(
    (kit) => ({
      onRequest: [
        set(kit, 'auth\0subject', 'Zo\u00c3\u00ab'),
        set(kit, 'auth\0claims\0role', 'admin'),
        set(kit, 'auth\0claims\0__proto__', 'x'),
        set(kit, 'auth\0claims\0x-user', 'not this'),
        set(kit, 'other\0path', 'ignored'),
        kit.set('X-User', 'first', 'add'),
        kit.set('X-User', 'second', 'add'),
        i32(0),
      ].join(' '),
    }),
    `, isolation: ${isolation}`,
  );
  expect(auth).toMatchObject({
    ...{ method: 'custom', subject: 'Zoë', scopes: [] },
    claims: { role: 'admin', 'x-user': ['first', 'second'] },
  });
  expect(auth).not.toHaveProperty('claims.path');
});

test('without a subject the first of its headers in the file names the caller, whichever it set first', async () => {
  const auth = await authOf((kit) => ({
    onRequest: `${kit.set('X-Tenant', 'blue')} ${kit.set('X-User', 'ann')} ${i32(0)}`,
  }));
  expect(auth).toMatchObject({ subject: 'ann', claims: { 'x-tenant': 'blue', 'x-user': 'ann' } });
});

test('a plugin that only removes the client’s name names no caller', async () => {
  expect(
    await authOf((kit) => ({
      onRequest: `${kit.do('proxy_remove_header_map_value', i32(0), kit.text('X-User'))} ${i32(0)}`,
    })),
  ).toBe(401);
});

test.each(['worker', 'inline'])('one that refuses its configuration is not ready, %s', async (isolation) => {
  const gate = await openLoom(
    (kit) => ({ body: callback('proxy_on_configure', 2, i32(0)), onRequest: kit.grant() }),
    `, isolation: ${isolation}`,
  );
  await expect(gate.ready).rejects.toThrow(/on_configure refused/);
  await gate.close();
});

describe('a decision as an identity', () => {
  const identity = (set: readonly Pair[], subject?: string) =>
    pluginIdentity('p', {
      decision: { kind: 'continue', set, removed: [], claims: {}, ...(subject !== undefined && { subject }) },
      allowed: new Set(['x-user']),
    });

  test.each<[string, readonly Pair[], string | undefined]>([
    ['no header', [], 'alice'],
    ['a header that is not an identity header', [['x-other', 'alice']], undefined],
    ['an empty header', [['x-user', '']], undefined],
    ['a header with an empty subject', [['x-user', 'alice']], ''],
    ['a subject that is too long', [['x-user', 'alice']], 'a'.repeat(257)],
    ['a header that is too long to be a subject', [['x-user', 'a'.repeat(257)]], undefined],
  ])('%s names no caller', (_what, headers, subject) => {
    expect(identity(headers, subject)).toBeUndefined();
  });

  test('twin: a header, alone or beside others', () => {
    expect(
      identity([
        ['x-other', 'eve'],
        ['x-user', 'alice'],
      ]),
    ).toMatchObject({ method: 'p', subject: 'alice' });
    expect(identity([['x-user', 'alice']], 'bob')).toMatchObject({ subject: 'bob', claims: { 'x-user': 'alice' } });
  });
});
