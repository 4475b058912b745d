/**
 * The view of the shadow file with a real gateway.
 *
 * @needs chromium
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPage, startBrowser, type Browser } from '../support/browser.js';
import { KEY, OPERATOR, SECRET, startConsole, TOKEN, type ConsoleGround } from './ground.js';

let browser: Browser;
let ground: ConsoleGround;
const folder = mkdtempSync(join(tmpdir(), 'loom-shadow-'));
const next = join(folder, 'next.yaml');

const candidate = (publicAuth: string): string => `
listeners: [{ name: http, address: "127.0.0.1:8080", protocol: http }]
middleware: { auth: { api_key: { keys: [{ key: ${KEY}, name: alice }], claims_to_headers: { name: X-Key-Name } } } }
routes:
  - { id: public, path: /public/*, upstream: echo, auth: ${publicAuth} }
  - { id: api, path: /api/*, upstream: echo, auth: { api_key: true } }
upstreams: [{ name: echo, endpoints: ["127.0.0.1:9"] }]`;

beforeAll(async () => {
  writeFileSync(next, candidate('{ api_key: true }'));
  browser = await startBrowser();
  ground = await startConsole({ more: `shadow: ${next}` });
});
afterAll(async () => {
  await browser.close();
  await ground.close();
  rmSync(folder, { recursive: true, force: true });
});

const send = (path: string, headers: Record<string, string> = {}) => fetch(ground.gateway + path, { headers });

test('the view shows each difference with both decisions, the reason and the count', async () => {
  expect((await send('/public/page?token=secret-of-a-client')).status).toBe(200);
  expect((await send('/public/page')).status).toBe(200);
  expect((await send('/api/same')).status).toBe(401);
  const { page, faults } = await openPage(browser);
  await ground.signIn(page, 'shadow');
  const row = page.getByRole('table', { name: 'Differences' }).getByRole('row').filter({ hasText: '/public/page' });
  // The view asks again each five seconds.
  await row.filter({ hasText: '401 absent' }).waitFor();
  const text = await row.first().innerText();
  expect(text).toMatch(/^2\b/);
  expect(text).toContain('open');
  expect(text).toContain('credential_missing');
  expect(text).toContain('api_key: no credential in header');
  const main = await page.locator('main').innerText();
  expect(main).toContain(next);
  for (const secret of [KEY, TOKEN, OPERATOR, SECRET, 'secret-of-a-client']) expect(main).not.toContain(secret);
  expect(faults).toEqual([]);
  await page.context().close();
});

test('a wrong shadow file is shown with its mistakes, and twin: a gateway without a shadow file says so', async () => {
  writeFileSync(next, candidate('none').replace('path:', 'paht:'));
  await ground.reload({});
  const { page, faults } = await openPage(browser);
  await ground.signIn(page, 'shadow');
  await page.getByText('The shadow file is wrong. It is not evaluated.').waitFor();
  expect(await page.locator('main').innerText()).toContain('paht');
  await ground.reload({ more: '' });
  await page.reload();
  await ground.signIn(page, 'shadow');
  await page.getByText('No shadow file.').waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
});
