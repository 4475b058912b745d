/**
 * Each view for people: without barriers in both themes and at each width, and by keyboard alone.
 *
 * @needs chromium
 */
import { barriersOf } from '../support/accessibility.js';
import { openPage, startBrowser, type Browser } from '../support/browser.js';
import { startConsole, TOKEN, type ConsoleGround } from './ground.js';

let browser: Browser;
let ground: ConsoleGround;
beforeAll(async () => {
  browser = await startBrowser();
  ground = await startConsole();
});
afterAll(async () => {
  await browser.close();
  await ground.close();
});

const THEMES = ['light', 'dark'] as const;
const WIDTHS = [360, 768, 1280];

test.each(THEMES)('the sign-in and each view have no barrier in %s', async (colorScheme) => {
  const { page, faults } = await openPage(browser, { colorScheme });
  await page.goto(ground.url);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await barriersOf(page)).toEqual([]);
  await ground.signIn(page);
  const names = await page.getByRole('navigation').getByRole('link').allTextContents();
  expect(names).toEqual(expect.arrayContaining(['Access', 'Health']));
  for (const name of names) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.locator('main [aria-busy]').waitFor({ state: 'detached' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      expect([name, width, await barriersOf(page)]).toEqual([name, width, []]);
    }
  }
  expect(faults).toEqual([]);
  await page.context().close();
});

test.each(WIDTHS)('at %d px no view is wider than the window', async (width) => {
  const { page } = await openPage(browser, { viewport: { width, height: 700 } });
  await ground.signIn(page);
  for (const name of await page.getByRole('navigation').getByRole('link').allTextContents()) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.locator('main [aria-busy]').waitFor({ state: 'detached' });
    expect([name, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([name, width]);
  }
  await page.context().close();
});

test('the keyboard alone signs in, skips to the content, filters, and changes the view', async () => {
  const { page } = await openPage(browser);
  await page.goto(`${ground.url}#/access`);
  await page.getByLabel('Token').waitFor();
  // The field has the focus.
  await page.keyboard.type(TOKEN);
  await page.keyboard.press('Enter');
  await page.locator('#view-title').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('public');
  expect(await page.locator('.map tbody tr').count()).toBe(2);
  await page.keyboard.press('Escape');
  expect(await page.locator('.map tbody tr').count()).toBeGreaterThan(4);
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  expect(await page.locator('.map tbody tr').count()).toBe(2);
  await page.getByRole('link', { name: 'Skip to content' }).focus();
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('main');
  await page.getByRole('link', { name: 'Health' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Health' }).waitFor();
  await page.context().close();
});
