/**
 * The views of the console with the pages of a real gateway: decisions, explanations, reloads, health.
 *
 * @needs chromium
 */
import { openPage, startBrowser, type Browser, type Page } from '../support/browser.js';
import { KEY, OPERATOR, SECRET, startConsole, TOKEN, type ConsoleGround } from './ground.js';

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

const send = (path: string, headers: Record<string, string> = {}) => fetch(ground.gateway + path, { headers });
const rows = (page: Page) => page.locator('.decisions li');

test('a decision of the past and one of the stream are shown, and its explanation is one click away', async () => {
  await send('/api/before', { 'X-API-Key': 'wrong-key-of-a-client' });
  const { page, faults } = await openPage(browser);
  await ground.signIn(page, 'decisions');
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByText('/api/before').waitFor();
  await send('/api/granted', { 'X-API-Key': KEY });
  await page.getByText('/api/granted').waitFor();
  await send('/nowhere');
  await page.getByText('/nowhere').waitFor();
  await rows(page).filter({ hasText: '/api/before' }).getByRole('button').click();
  await page.locator('#detail-title').waitFor();
  const detail = await page.locator('.detail').innerText();
  expect(detail).toContain('credential_invalid');
  expect(detail).toContain('What to do:');
  expect(detail).toMatch(/api_key\s+rejected/i);
  expect(detail).toMatch(/X-Api-Key/i);
  await page.getByText('Record as JSON').click();
  const text = await page.locator('main').innerText();
  for (const secret of [KEY, 'wrong-key-of-a-client', TOKEN, OPERATOR, SECRET]) expect(text).not.toContain(secret);
  expect(faults).toEqual([]);
  await page.context().close();
});

test('a request is explained with the token of the operator, and not with the token of a reader', async () => {
  const { page, faults } = await openPage(browser);
  await ground.signIn(page, 'explain');
  await page.getByLabel('URL').fill('/api/orders');
  await page.getByLabel('Headers').fill(`X-API-Key: ${KEY}`);
  await page.getByLabel('Operator token').fill(TOKEN);
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('for operators').waitFor();
  await page.getByLabel('Operator token').fill(OPERATOR);
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.locator('#detail-title').waitFor();
  const granted = await page.locator('.answer').innerText();
  expect(granted).toContain('granted');
  expect(granted).toContain('alice');
  expect(granted).not.toContain(KEY);
  await page.getByLabel('Headers').fill('X-Api-Token: x');
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('401').first().waitFor();
  expect(await page.locator('.answer').innerText()).toContain('What to do:');
  await page.getByLabel('URL').fill('/API/orders');
  await page.getByRole('button', { name: 'Explain' }).click();
  await page.getByText('it has the path /api/*').waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
});

test('the reloads are shown with their differences and diagnostics', async () => {
  const own = await startConsole();
  await own.reload({ routes: '  - { id: added, path: /added/*, upstream: echo, auth: { api_key: true } }' });
  await own.reload({ more: 'nonsense: true' }).catch(() => undefined);
  const { page, faults } = await openPage(browser);
  await own.signIn(page, 'reloads');
  await page.getByText('refused').first().waitFor();
  const text = await page.locator('main').innerText();
  expect(text).toContain('nonsense');
  expect(text).toContain('/added/*');
  await page.goto(`${own.url}#/health`);
  await page.getByText('The last reload was refused.').waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
  await own.close();
});
