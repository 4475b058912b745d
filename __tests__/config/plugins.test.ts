/** WASM plugins in a file: where their names may stand, and what that requires. */
import type { Requirement } from '../../src/auth/requirement.js';
import { accessTable } from '../../src/config/access.js';
import { compile, JWT } from './files.js';
import { file, plugin, removeModules, writeModules, type Given } from './plugin-files.js';

beforeAll(writeModules);
afterAll(removeModules);

/** `any[jwt one]`, `all[…]`, `open`, a name. */
function inWords(requirement: Requirement): string {
  if (requirement.kind === 'open') return 'open';
  if (requirement.kind === 'method') return requirement.name;
  if (requirement.kind === 'optional') return `optional[${inWords(requirement.of)}]`;
  return `${requirement.kind}[${requirement.of.map(inWords).join(' ')}]`;
}

const required = (given: Given): string => {
  const [route] = compile(file(given)).plan.routes;
  if (!route) throw new Error('no route');
  return inWords(route.requirement);
};

describe('a name is a method:', () => {
  const chain = (more: string): string => `{ jwt: ${JWT}, ${more} }`;

  test.each<[string, Given, string]>([
    ['auth: {one: true}', { route: 'auth: { one: true }' }, 'one'],
    ['auth: {plugin: one}', { route: 'auth: { plugin: one }' }, 'one'],
    [
      'auth: {plugin: one, jwt: true}',
      { route: 'auth: { plugin: one, jwt: true, require_any: true }' },
      'any[one jwt]',
    ],
    ['methods', { route: 'auth: { methods: [jwt, one] }' }, 'any[jwt one]'],
    ['methods, all of them', { route: 'auth: { methods: [one, jwt], require_any: false }' }, 'all[one jwt]'],
    ['methods, optional', { route: 'auth: { methods: [one], require: false }' }, 'optional[one]'],
    ['auth: {plugin: one, require: false}', { route: 'auth: { plugin: one, require: false }' }, 'optional[one]'],
    ['chain', { auth: chain('chain: [jwt, one], require_any: true') }, 'any[jwt one]'],
    ['chain, all of it', { auth: chain('chain: [two, one], require_any: false'), route: '' }, 'all[two one]'],
    ['the only method there is', { auth: '{ chain: [one] }', plugins: [plugin('one')] }, 'one'],
  ])('%s', (_what, given, expected) => {
    expect(required(given)).toBe(expected);
  });
});

describe('plugins of a route are required as well:', () => {
  test.each<[string, string, string]>([
    ['open', 'plugins: [one]', 'one'],
    ['open on purpose', 'auth: none, plugins: [one]', 'one'],
    ['guarded', 'auth: { jwt: true }, plugins: [one]', 'all[jwt one]'],
    ['optional', 'auth: { jwt: true, require: false }, plugins: [one]', 'all[optional[jwt] one]'],
    ['any', 'auth: { methods: [jwt, three] }, plugins: [one]', 'all[any[jwt three] one]'],
    ['any that it is part of', 'auth: { methods: [jwt, one] }, plugins: [one]', 'all[any[jwt one] one]'],
    ['all', 'auth: { methods: [jwt, three], require_any: false }, plugins: [one]', 'all[jwt three one]'],
    ['all that it is part of', 'auth: { methods: [jwt, one], require_any: false }, plugins: [one]', 'all[jwt one]'],
    ['itself', 'auth: { one: true }, plugins: [one]', 'one'],
    ['several, by priority and then by the file', 'plugins: [three, one, two]', 'all[two one three]'],
    ['one twice', 'plugins: [one, one]', 'one'],
  ])('%s', (_what, route, expected) => {
    expect(required({ route })).toBe(expected);
  });
});

test.each([
  ['a plugin alone', 'auth: none, plugins: [one]', true, true],
  ['a plugin alone, unsaid', 'plugins: [one]', true, false],
  ['a plugin beside an optional method', 'auth: { jwt: true, require: false }, plugins: [one]', true, true],
  ['twin: a plugin beside a method', 'auth: { jwt: true }, plugins: [one]', false, false],
  ['twin: a plugin as the method', 'auth: { one: true }', false, false],
])('G-01 a route that plugins of routes[].plugins filter is open where nothing else guards it: %s', (...given) => {
  const [, route, open, said] = given;
  const [row] = accessTable(compile(file({ route })).plan).rows;
  expect([row?.public, row?.declaredOpen]).toEqual([open, said]);
});

describe('middleware.auth.plugin is required everywhere', () => {
  const auth = (more: string): string => `{ jwt: ${JWT}, ${more} }`;

  test.each<[string, Given, string]>([
    ['on a route that says nothing', { auth: auth('plugin: one') }, 'one'],
    ['beside the chain', { auth: auth('plugin: one, chain: [jwt]') }, 'all[jwt one]'],
    ['beside a method', { auth: auth('plugin: one'), route: 'auth: { jwt: true }' }, 'all[jwt one]'],
    [
      'beside an optional one',
      { auth: auth('plugin: one'), route: 'auth: { jwt: true, require: false }' },
      'all[optional[jwt] one]',
    ],
    ['as a list', { auth: auth('plugin: [one, two]') }, 'all[two one]'],
    ['beside the plugins of a route', { auth: auth('plugin: one'), route: 'plugins: [two]' }, 'all[two one]'],
    ['but where all is open on purpose', { auth: auth('plugin: one'), route: 'auth: none' }, 'open'],
    [
      'and there the plugins of the route alone',
      { auth: auth('plugin: one'), route: 'auth: none, plugins: [two]' },
      'two',
    ],
  ])('%s', (_what, given, expected) => {
    expect(required(given)).toBe(expected);
  });

  test('and of requests that no route matches', () => {
    const { unmatched } = compile(file({ auth: auth('plugin: one') })).plan;
    expect(unmatched && inWords(unmatched)).toBe('one');
  });
});
