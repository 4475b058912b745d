/** Plugins that need no identity: they filter requests, and never replace the credential of a caller. */
import type { Requirement } from '../../../src/auth/requirement.js';
import { accessTable } from '../../../src/config/access.js';
import { loom } from '../../../src/loom.js';
import { accessChanges } from '../../../src/routing/access-changes.js';
import { compile, errorsOf } from '../../config/files.js';
import { file, plugin, removeModules, writeModules, type Given } from '../../config/plugin-files.js';
import { JWT } from '../../config/files.js';
import { quietLog } from '../../support/quiet-log.js';

beforeAll(writeModules);
afterAll(removeModules);

const ANONYMOUS = [plugin('one', ', require_identity: false'), plugin('two')];
const given = (route: string, more: Given = {}): string => file({ plugins: ANONYMOUS, route, ...more });
const chain = (more: string): string => `{ jwt: ${JWT}, ${more} }`;
const plan = (text: string) => ({ plan: compile(text).plan, standalone: true });
const row = (text: string) => accessTable(compile(text).plan).rows[0];

describe('G-33 a plugin with require_identity: false', () => {
  test.each([
    ['any', given('auth: { methods: [jwt, one] }')],
    ['any, in the other order', given('auth: { methods: [one, jwt] }')],
    ['any, as keys', given('auth: { one: true, jwt: true, require_any: true }')],
    ['optional', given('auth: { one: true, require: false }')],
    ['optional any', given('auth: { methods: [jwt, one], require: false }')],
    ['the chain', given('', { auth: chain('chain: [jwt, one], require_any: true') })],
    ['any beside a plugin of the route', given('auth: { methods: [jwt, one] }, plugins: [one]')],
  ])('is an error in %s', (_what, text) => {
    expect(errorsOf(text)).toMatchObject([
      { code: 'wrong_auth', message: expect.stringContaining('require_identity') as string },
    ]);
  });

  test.each([
    ['alone', given('auth: { one: true }'), true],
    ['in all, beside another such', given('auth: { one: true, jwt: true, require_any: false }'), false],
    ['as a plugin of an open route', given('auth: none, plugins: [one]'), true],
    ['as the global plugin', given('', { auth: chain('plugin: one') }), true],
    ['as the global plugin beside a method', given('auth: { jwt: true }', { auth: chain('plugin: one') }), false],
    ['twin: a plugin that names the caller', given('auth: { two: true }'), false],
  ])('counts as open where nothing else guards the route: %s', (_what, text, open) => {
    expect(row(text)?.public).toBe(open);
  });

  test('a guard that becomes such a plugin is an opening', () => {
    const [guarded, filtered] = [plan(given('auth: { jwt: true }')), plan(given('auth: { one: true }'))];
    expect(accessChanges(guarded, filtered)).toMatchObject([{ opens: true }]);
    const strict = plan(file({ route: 'auth: { one: true }' }));
    expect(accessChanges(strict, filtered)).toMatchObject([{ opens: true }]);
    // The honest twin: the same method beside the plugin.
    const both = plan(given('auth: { jwt: true }, plugins: [one]'));
    expect(accessChanges(guarded, both).filter(({ opens }) => opens)).toEqual([]);
  });

  test('cannot stand in any or optional in the code of a host', async () => {
    const gate = loom(
      { file: 'loom.yaml', text: given('auth: { one: true }').replace(/, upstream: u/, '') },
      { log: quietLog() },
    );
    const one: Requirement = { kind: 'method', name: 'one' };
    expect(() => gate.protect({ kind: 'optional', of: one })).toThrow(/require_identity/);
    expect(() => gate.protect({ kind: 'any', of: [{ kind: 'method', name: 'jwt' }, one] })).toThrow(/require_identity/);
    expect(() => gate.protect({ kind: 'all', of: [{ kind: 'method', name: 'jwt' }, one] })).not.toThrow();
    await gate.close();
  });

  test('a plugin of a route with require_identity: true stays a guard', () => {
    const text = file({ plugins: [plugin('one', ', require_identity: true')], route: 'auth: none, plugins: [one]' });
    expect(row(text)?.public).toBe(false);
  });
});
