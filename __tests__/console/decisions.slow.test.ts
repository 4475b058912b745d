/**
 * The decisions of the console: a stream of any rate, filters, a pause, details, and a broken stream.
 *
 * @needs chromium
 */
import { barriersOf } from '../support/accessibility.js';
import { openPage, startBrowser, type Browser, type Page } from '../support/browser.js';
import { until } from '../support/until.js';
import { decisionValue, startScripted, statusValue, type ScriptedGateway } from './scripted-gateway.js';

let browser: Browser;
let gateway: ScriptedGateway;
beforeAll(async () => (browser = await startBrowser()));
afterAll(() => browser.close());
beforeEach(async () => {
  gateway = await startScripted();
  gateway.pages.set('/status', statusValue());
  gateway.pages.set('/decisions', { decisions: [], missing: [] });
  gateway.pages.set('/reasons', {
    reasons: { token_expired: { meaning: 'The time is past.', cure: 'Get a new token.' } },
    codes: {},
  });
});
afterEach(() => gateway.close());

async function openDecisions(options = {}) {
  const { page, faults } = await openPage(browser, options);
  await page.goto(`${gateway.url}#/decisions`);
  await page.getByText('Live', { exact: true }).waitFor();
  return { page, faults };
}

const rows = (page: Page) => page.locator('.decisions li');

test('10^5 decisions in a row leave a bounded list and heap, and the newest on top', async () => {
  const { page, faults } = await openDecisions();
  const heap = async (): Promise<number> => {
    await page.evaluate('gc()');
    return page.evaluate<number>('performance.memory.usedJSHeapSize');
  };
  const batch = () => Array.from({ length: 1_000 }, () => decisionValue());
  for (let at = 0; at < 10; at++) await gateway.send(batch());
  await page.getByText('10,000 refused').waitFor();
  const before = await heap();
  for (let at = 10; at < 100; at++) await gateway.send(batch());
  const last = decisionValue({ path: '/the/last' });
  await gateway.send([last]);
  await page.getByText('100,001 refused').waitFor({ timeout: 60_000 });
  await rows(page).first().getByText('/the/last').waitFor();
  expect(await rows(page).count()).toBeLessThanOrEqual(200);
  expect(await page.evaluate('document.querySelectorAll("*").length')).toBeLessThan(3_000);
  // 90,000 records of 300 bytes would be 27 MB.
  expect((await heap()) - before).toBeLessThan(12e6);
  // The page still answers.
  await rows(page).first().getByRole('button').click();
  await page.locator('#detail-title').waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
}, 180_000);

test('what the gateway did not send is counted in plain sight', async () => {
  const { page } = await openDecisions();
  await gateway.send([decisionValue()]);
  gateway.event('dropped', { count: 1_234 });
  await page.getByText('1,234 more not streamed').waitFor();
  await page.context().close();
});

test('filters by kind, route, reason, client and words; the filter reaches decisions that have no row', async () => {
  const { page } = await openDecisions();
  const granted = {
    kind: 'granted',
    outcome: 'granted',
    status: undefined,
    reason: undefined,
    code: undefined,
    subject: 'alice',
  };
  await gateway.send([decisionValue({ ...granted, path: '/first' })]);
  await gateway.send(Array.from({ length: 500 }, () => decisionValue()));
  await gateway.send([decisionValue({ route: 'vault', reason: 'token_audience', client: '198.51.100.7' })]);
  await page.getByText('501 refused').waitFor();
  await page.getByText('Granted', { exact: true }).click();
  expect(await rows(page).allInnerTexts()).toEqual([expect.stringContaining('/first')]);
  await page.getByText('All', { exact: true }).click();
  await page.getByRole('combobox', { name: 'Route' }).selectOption('vault');
  expect(await rows(page).count()).toBe(1);
  await page.getByRole('combobox', { name: 'Route' }).selectOption('');
  await page.getByRole('combobox', { name: 'Reason' }).selectOption('token_audience');
  expect(await rows(page).count()).toBe(1);
  await page.getByRole('combobox', { name: 'Reason' }).selectOption('');
  await page.keyboard.press('/');
  await page.keyboard.type('client:198.51.100.7');
  expect(await rows(page).count()).toBe(1);
  await page.keyboard.press('Escape');
  await page.keyboard.type('subject:alice');
  expect(await rows(page).count()).toBe(1);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Show more' }).click();
  expect(await rows(page).count()).toBe(400);
  await page.context().close();
});

test('a pause holds the list, and its end shows what came meanwhile', async () => {
  const { page } = await openDecisions();
  await gateway.send([decisionValue({ path: '/before' })]);
  await page.getByText('/before').waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await gateway.send([decisionValue({ path: '/meanwhile' })]);
  await page.getByText('Paused', { exact: true }).waitFor();
  expect(await rows(page).count()).toBe(1);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('/meanwhile').waitFor();
  await page.context().close();
});

test('by keyboard: arrows move, Enter opens the details, Escape returns to the row', async () => {
  const { page } = await openDecisions();
  await gateway.send(Array.from({ length: 5 }, (_, at) => decisionValue({ path: `/row/${at}` })));
  await rows(page).first().getByRole('button').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  expect(await page.evaluate('document.activeElement.textContent')).toContain('/row/2');
  expect(await page.locator('.decisions [tabindex="0"]').count()).toBe(1);
  await page.keyboard.press('Enter');
  await page.getByText('The time is past.').waitFor();
  await page.getByText('Get a new token.').first().waitFor();
  expect(await page.evaluate('document.activeElement.id')).toBe('detail-title');
  // New decisions do not move the focus.
  await gateway.send([decisionValue({ path: '/new' })]);
  await page.getByText('/new').waitFor();
  await page.keyboard.press('Escape');
  expect(await page.evaluate('document.activeElement.textContent')).toContain('/row/2');
  expect(await page.locator('.detail').isHidden()).toBe(true);
  await page.context().close();
});

test('a client in the details becomes a filter', async () => {
  const { page } = await openDecisions();
  await gateway.send([decisionValue(), decisionValue({ client: '198.51.100.9' })]);
  await rows(page).first().getByRole('button').click();
  await page.getByRole('button', { name: '198.51.100.9', exact: true }).click();
  expect(await rows(page).count()).toBe(1);
  await page.context().close();
});

test('the details of a request without a route name the routes that nearly match', async () => {
  const { page, faults } = await openDecisions();
  const near = [
    { route: 'orders', differs: 'path', has: '/orders/*' },
    { route: '<b>dated</b>', differs: 'conditions', has: 'header X-Version' },
  ];
  await gateway.send([decisionValue({ route: undefined, reason: undefined, code: 'no_route', status: 404, near })]);
  await rows(page).first().getByRole('button').click();
  await page.getByText('it has the path /orders/*').waitFor();
  await page.getByText('<b>dated</b>').first().waitFor();
  await page.getByText('it has a condition on header X-Version').waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
});

test('a broken stream is opened again; the history fills the gap, and no decision is there twice', async () => {
  const { page } = await openDecisions();
  const [seen, missed] = [decisionValue({ path: '/seen' }), decisionValue({ path: '/missed' })];
  await gateway.send([seen]);
  await page.getByText('/seen').waitFor();
  gateway.pages.set('/decisions', { decisions: [missed, seen], missing: [] });
  gateway.breakStreams();
  await page.getByText('/missed').waitFor();
  await until(() => gateway.opened() >= 2);
  expect(await rows(page).allInnerTexts()).toEqual([
    expect.stringContaining('/missed'),
    expect.stringContaining('/seen'),
  ]);
  await page.context().close();
});

test('another view ends the stream', async () => {
  const { page } = await openDecisions();
  gateway.pages.set('/routes', { routes: [], methods: [] });
  await page.getByRole('link', { name: 'Access' }).click();
  await page.getByRole('heading', { name: 'Who may call what' }).waitFor();
  await page.waitForTimeout(1_500);
  expect(gateway.opened()).toBe(1);
  await page.context().close();
});

test.each(['light', 'dark'] as const)('the list and the details have no barrier in %s', async (colorScheme) => {
  const { page } = await openDecisions({ colorScheme });
  await gateway.send([
    decisionValue(),
    decisionValue({ outcome: 'limited', status: 429 }),
    decisionValue({ outcome: 'open', kind: 'granted', status: undefined }),
  ]);
  await rows(page).last().getByRole('button').click();
  await page.locator('#detail-title').waitFor();
  for (const width of [360, 768, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    expect([width, await barriersOf(page)]).toEqual([width, []]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
  }
  await page.context().close();
});
