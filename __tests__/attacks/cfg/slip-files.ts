/** Files with guarded and open routes side by side, and the result of one editing mistake. */

const METHODS = `middleware:
  auth:
    api_key:
      keys:
        - key: sk_one_slip_key_1
          name: alice
    basic:
      users:
        - username: ann
          password_hash: "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
`;
const CHAIN = METHODS.replace('  auth:\n', '  auth:\n    chain: [api_key]\n');

/** By the open routes beside the guards. */
export const FILES: Readonly<Record<string, string>> = {
  'a catch-all': `${METHODS}routes:
  - path: /*
    auth: none
  - path: /admin/*
    auth:
      api_key: true
  - path: /api/*
    auth:
      require: true
      methods: [api_key, basic]
  - path: /api/v1/report
    auth:
      basic: true
`,
  'an optional catch-all': `${METHODS}routes:
  - path: /*
    auth:
      require: false
      methods: [api_key]
  - path: /admin/*
    auth:
      api_key: true
  - path: /admin/login
    auth: none
  - path: /:tenant/settings
    methods: [GET, POST]
    auth:
      basic: true
`,
  'a chain and exceptions from it': `${CHAIN}routes:
  - path: /public/v1/*
    auth: none
  - path: /files/:id/logo
    auth: none
  - path: /ops/*
    auth:
      basic: true
  - path: /account
`,
  'hosts and priorities': `${METHODS}routes:
  - path: /*
    overlap: true
    auth: none
  - host: admin.test
    overlap: true
    path: /*
    auth:
      api_key: true
  - host: "*.corp.test"
    overlap: true
    path: /*
    auth:
      basic: true
  - host: www.corp.test
    overlap: true
    path: /news/*
    auth: none
  - path: /internal/*
    overlap: true
    priority: 5
    auth:
      api_key: true
  - path: /internal/status
    overlap: true
    priority: 5
    auth: none
  - path: /:any/metrics
    overlap: true
    priority: 3
    auth: none
`,
  'methods and conditions': `${METHODS}routes:
  - path: /*
    auth: none
  - path: /items/*
    methods: [GET]
    auth: none
  - path: /items/*
    methods: [POST, PUT]
    auth:
      api_key: true
  - path: /beta/*
    headers:
      X-Beta: "1"
    auth:
      api_key: true
  - path: /beta/*
    auth:
      api_key: true
`,
};

export interface Slip {
  readonly what: string;
  readonly text: string;
}

/**
 * Each mistake is one deletion, comment, typo or changed host, method, priority or condition. None opens a route
 * explicitly.
 */
export function* slipsOf(text: string): Generator<Slip> {
  const lines = text.split('\n');
  for (const [at, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const make = (what: string, ...changed: readonly string[]): Slip => ({
      what: `line ${at + 1} (${line.trim()}): ${what}`,
      text: [...lines.slice(0, at), ...changed, ...lines.slice(at + 1)].join('\n'),
    });
    yield make('deleted');
    yield make('commented out', line.replace(/\S/, '# $&'));
    yield* blocksOf(lines, at);
    for (const [what, changed] of valuesOf(line)) yield make(what, changed);
    const isRoute = /^ {2}- (?:path|host):/.test(line);
    if (isRoute) for (const added of ADDED) yield make(`gains ${added}`, line, `    ${added}`);
  }
}

const ADDED = [
  ...['host: other.test', 'host: "*.test"', 'methods: [GET]', 'methods: [GET, POST, PUT, DELETE]', 'priority: 9'],
  ...['headers: {X-Any: "1"}', 'query: {v: "1"}'],
];

/** The line with all lines that are indented below it. */
function* blocksOf(lines: readonly string[], at: number): Generator<Slip> {
  const depth = (lines[at] as string).search(/\S/);
  const below = lines.slice(at + 1).findIndex((line) => line.trim() !== '' && line.search(/\S/) <= depth);
  const end = below < 0 ? lines.length : at + 1 + below;
  const around = (...changed: readonly string[]): string =>
    [...lines.slice(0, at), ...changed, ...lines.slice(end)].join('\n');
  const commented = lines.slice(at, end).map((line) => line.replace(/\S/, '# $&'));
  yield { what: `line ${at + 1} with all below it: deleted`, text: around() };
  yield { what: `line ${at + 1} with all below it: commented out`, text: around(...commented) };
}

function* valuesOf(line: string): Generator<readonly [what: string, line: string]> {
  const [, head = '', value = ''] = /^(.*?: )(.+)$/.exec(line) ?? [];
  if (value === '' || value === 'none') return;
  for (const typo of typosOf(value)) yield [`now ${typo}`, head + typo];
}

function* typosOf(value: string): Generator<string> {
  for (let at = 0; at < value.length; at++) {
    yield value.slice(0, at) + value.slice(at + 1);
    if (/\w/.test(value[at] ?? '')) yield `${value.slice(0, at)}q${value.slice(at + 1)}`;
    if (value[at] === '/') yield `${value.slice(0, at)}/ #${value.slice(at + 1)}`;
  }
  if (value.includes('/')) {
    const segments = value.split('/').slice(1);
    for (const at of segments.keys()) {
      const other = (...changed: readonly string[]): string =>
        `/${[...segments.slice(0, at), ...changed, ...segments.slice(at + 1)].join('/')}`;
      yield* [other(), other(':x'), other('*'), other(segments[at] as string, 'x')];
    }
  }
  if (/^\d+$/.test(value)) yield* ['0', '9', String(-Number(value))];
  if (/^\[.*\]$/.test(value)) {
    const items = value.slice(1, -1).split(', ');
    for (const item of items) yield `[${items.filter((each) => each !== item).join(', ')}]`;
    for (const more of ['GET', 'POST', 'DELETE']) yield `[${[...items, more].join(', ')}]`;
  }
  if (/test/.test(value)) yield* ['"*.test"', 'other.test'];
}
