/**
 * G-38 What clients sent, in every field of every view: it stays text, and no reader is misled.
 *
 * @needs chromium
 */
import { openPage, startBrowser, type Browser, type Page } from '../support/browser.js';
import { until } from '../support/until.js';
import { decisionValue, startScripted, statusValue, type ScriptedGateway } from './scripted-gateway.js';

const MARKUP = `<img src=x onerror="window.__hit=1"><script>window.__hit=2</script>`;
const HOSTILE = [
  MARKUP,
  `</script><script>window.__hit=3</script><svg onload="window.__hit=4">`,
  `"><iframe srcdoc="<script>parent.__hit=5</script>"></iframe><a href="javascript:window.__hit=6">x</a>`,
  'bidi \u202egnp.exe\u2066 \u200bzero\u0000nul\u001b[31m\u2028line \ud800half',
  '{{constructor.constructor("window.__hit=7")()}} ${window.__hit=8}',
  'x'.repeat(65_536),
];

let browser: Browser;
let gateway: ScriptedGateway;
beforeAll(async () => {
  browser = await startBrowser();
  gateway = await startScripted();
});
afterAll(async () => {
  await browser.close();
  await gateway.close();
});

/** Every text of a value becomes hostile, except the members of closed sets and times. */
const CLOSED =
  /^(?:id|time|at|kind|outcome|state|result|verdict|change|class|role|trigger|level|since|first_seen|last_seen)$/;
function poisoned(value: unknown, poison: string, name = ''): unknown {
  if (Array.isArray(value)) return value.map((each) => poisoned(each, poison, name));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, poisoned(each, poison, key)]));
  return typeof value === 'string' && !CLOSED.test(name) ? poison : value;
}

const DECISION = {
  ...decisionValue(),
  subject: 's',
  detail: 'd',
  routing: 'r',
  requirement: 'q',
  auth_method: 'a',
  instance: 'i',
  methods: [
    {
      method: 'jwt',
      verdict: 'rejected',
      reason: 'r',
      places: ['p'],
      found: [{ place: 'p', kind: 'JWS', length: 9 }],
      detail: 'd',
    },
  ],
  limit: { key: 'k', opens_in_s: 3 },
  endpoint: { endpoint: 'e', cause: 'c' },
};
const SIDE = { outcome: 'granted', route: 'r', reason: 'r', code: 'c' };
const VALUES: Readonly<Record<string, unknown>> = {
  '/routes': {
    methods: [{ name: 'jwt', title: 't', routes: [] }],
    routes: [
      {
        route: 'r',
        host: 'h',
        path: 'p',
        methods: ['GET'],
        requirement: 'q',
        public: false,
        declaredOpen: false,
        upstream: 'u',
        identityHeaders: ['x'],
        auth: [{ method: 'jwt', role: 'required' }],
        conditions: ['c'],
      },
      {
        route: 'p',
        path: 'p',
        requirement: 'PUBLIC',
        public: true,
        declaredOpen: false,
        identityHeaders: [],
        auth: [],
      },
    ],
  },
  '/decisions': { decisions: [DECISION], missing: [] },
  '/reasons': { reasons: {}, codes: {} },
  '/shadow': {
    state: 'active',
    file: 'f',
    errors: ['e'],
    reload_errors: ['e'],
    requests: { same: 1, different: 1, not_evaluated: 1, dropped: 1 },
    not_evaluated: [{ why: 'w', count: 1 }],
    differences: [
      {
        kind: 'decision',
        from: SIDE,
        to: SIDE,
        why: 'w',
        count: 1,
        first_seen: 'f',
        last_seen: 'l',
        callers: [{ live: 'l', candidate: 'c' }],
        http_method: 'GET',
        host: 'h',
        path: 'p',
      },
    ],
    omitted: 1,
    missing: ['worker 2'],
  },
  '/reloads': {
    generation: 2,
    since: '2026-01-01T00:00:00.000Z',
    others: [],
    missing: ['worker 2'],
    reloads: [
      {
        time: '2026-01-01T00:00:00.000Z',
        trigger: 'file',
        outcome: 'refused',
        generation: 2,
        error: 'e',
        diagnostics: [{ level: 'error', code: 'c', file: 'f', line: 1, path: 'p', message: 'm' }],
        total: 1,
        seen: true,
        summary: { access: 1 },
        differences: [
          { class: 'access', where: 'w', option: 'o', change: 'changed', before: 'b', after: 'a', seen: true },
        ],
      },
    ],
  },
};

const PROCESS = {
  listeners: [
    {
      name: 'n',
      address: 'a',
      clientAuth: 'c',
      certificate: { subject: 's', notAfter: 1 },
      revocation: { lists: [{ issuer: 'i', nextUpdate: 1 }], faults: ['f'] },
    },
  ],
  methods: [
    {
      name: 'jwt',
      title: 't',
      keySets: [{ issuer: 'i', source: 's', keys: [{ kid: 'k', algorithms: ['RS256'] }], fault: 'f' }],
      plugin: { phase: 'p', isolation: 'i', timeoutMs: 1, memoryLimitBytes: 1 },
    },
  ],
  upstreams: [
    {
      name: 'u',
      balancer: 'b',
      endpoints: [{ url: 'u', up: false, healthy: false, breaker: 'open', inFlight: 0, weight: 1 }],
    },
  ],
  limits: {
    rules: [{ name: 'n', rate: { rate: 1, perMs: 1_000, burst: 1 }, key: ['k'] }],
    store: { type: 't', up: false, onError: 'local' },
  },
};

function statusOf(poison: string): object {
  const { processes: [process] = [], ...status } = statusValue() as { processes: object[] };
  const config = {
    file: 'f',
    generation: 1,
    loadedAt: 0,
    warnings: [{ code: 'c', file: 'f', line: 1, path: 'p', message: 'm' }],
  };
  return { ...status, missing: [poison], processes: [poisoned({ ...process, config, ...PROCESS }, poison)] };
}

async function check(page: Page, view: string, poison: string): Promise<void> {
  const found = await page.evaluate<object>(`({
    hit: window.__hit ?? null,
    strange: document.querySelectorAll('main img, main script, main iframe, main a[href^="javascript"], main svg [onload], [onerror]').length,
    longest: Math.max(...[...document.querySelectorAll('main *')].flatMap((each) => [...each.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.length))),
    unseen: /[\\u0000-\\u0009\\u000b-\\u001f\\u200b\\u202a-\\u202e\\u2028\\u2066-\\u2069]/.test(document.querySelector('main').textContent),
  })`);
  expect([view, poison.slice(0, 20), found]).toEqual([
    view,
    poison.slice(0, 20),
    { hit: null, strange: 0, longest: expect.any(Number) as number, unseen: false },
  ]);
  expect((found as { longest: number }).longest).toBeLessThan(4_500);
}

test.each(HOSTILE.map((poison, at) => [at, poison] as const))(
  'G-38 hostile text %d stays text in each view',
  async (_, poison) => {
    for (const [path, value] of Object.entries(VALUES)) gateway.pages.set(path, poisoned(value, poison));
    gateway.pages.set('/status', statusOf(poison));
    const { page, faults } = await openPage(browser);
    for (const view of ['access', 'decisions', 'shadow', 'reloads', 'health']) {
      await page.goto(`${gateway.url}#/${view}`);
      await page.locator('#view-title').waitFor();
      await page.locator('main [aria-busy]').waitFor({ state: 'detached' });
      if (view === 'decisions') {
        await page.locator('.decisions button').first().click();
        await page.locator('#detail-title').waitFor();
      }
      for (const summary of await page.locator('summary').all())
        if (!(await summary.locator('..').getAttribute('open'))) await summary.click();
      await check(page, view, poison);
      // Twin: the text itself is there.
      if (poison === MARKUP) expect(await page.locator('main').innerText()).toContain('<img src=x onerror=');
      await page.goto('about:blank');
    }
    expect(faults).toEqual([]);
    await page.context().close();
  },
);

test('G-38 twin: an ordinary text is shown as it is, with letters of any script', async () => {
  for (const [path, value] of Object.entries(VALUES)) gateway.pages.set(path, poisoned(value, 'Größe 日本 עברית'));
  gateway.pages.set('/status', statusOf('ok'));
  const { page } = await openPage(browser);
  await page.goto(`${gateway.url}#/access`);
  await page.getByText('Größe 日本 עברית').first().waitFor();
  await page.context().close();
});

test('G-38 the policy stops markup and code also if a script of the shell makes some', async () => {
  gateway.pages.set('/status', statusValue());
  gateway.pages.set('/routes', { routes: [], methods: [] });
  const { page, faults } = await openPage(browser);
  await page.goto(gateway.url);
  await page.locator('#view-title').waitFor();
  const attempt = (code: string) =>
    page.evaluate<string>(`(() => { try { ${code}; return 'done' } catch (error) { return error.name } })()`);
  expect(await attempt('document.body.innerHTML = "<b>x</b>"')).toBe('TypeError');
  expect(await attempt('document.write("x")')).toBe('TypeError');
  expect(await attempt('document.createElement("script").src = "https://attacker.example/x.js"')).toBe('TypeError');
  // An inline style, an image and a request of another origin are refused without an exception.
  await page.evaluate(`document.body.setAttribute('style', 'color: red')`);
  await page.evaluate(`new Image().src = 'https://attacker.example/?' + Math.random()`);
  expect(await page.evaluate(`fetch('https://attacker.example/').catch(({ name }) => name)`)).toBe('TypeError');
  await until(() => faults.some((each) => each.startsWith('policy connect-src')));
  const refused = faults.filter((each) => each.startsWith('policy'));
  expect(refused.join()).toMatch(/require-trusted-types-for/);
  for (const directive of ['style-src-attr', 'img-src', 'connect-src']) expect(refused.join()).toContain(directive);
  await page.context().close();
});
