/**
 * The console of a real gateway in a real browser: the shell, the sign-in, and what stays of a credential.
 *
 * @needs chromium
 */
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

test('the shell loads without a credential and asks for the token; a wrong token opens nothing', async () => {
  const { page, faults } = await openPage(browser);
  await page.goto(ground.url);
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Token').fill('wrong-token-of-someone');
  await page.keyboard.press('Enter');
  await page.getByText('The gateway does not accept this credential.').waitFor();
  expect(await page.getByRole('navigation').textContent()).toBe('');
  await page.getByLabel('Token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Who may call what' }).waitFor();
  expect(await page.getByRole('navigation').getByRole('link').allTextContents()).toContain('Access');
  expect(faults).toEqual([]);
  await page.context().close();
});

test('the token is in no storage, cookie, address, history or element, and a new load asks for it again', async () => {
  const { page } = await openPage(browser);
  await ground.signIn(page);
  expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])')).toBe(
    '[{},{},""]',
  );
  expect(await page.context().cookies()).toEqual([]);
  expect(await page.evaluate('indexedDB.databases()')).toEqual([]);
  expect(await page.content()).not.toContain(TOKEN);
  expect(await page.evaluate('[...document.querySelectorAll("input")].map(({ value }) => value).join()')).not.toContain(
    TOKEN,
  );
  expect(page.url()).not.toContain(TOKEN);
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.context().close();
});

test('signing out ends the access of the page', async () => {
  const { page } = await openPage(browser);
  await ground.signIn(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(await page.getByText('orders').count()).toBe(0);
  await page.context().close();
});

test('a reload with another token asks for the new one', async () => {
  const own = await startConsole();
  const { page } = await openPage(browser);
  await own.signIn(page);
  await own.reload({ token: 'another-token-0123456789' });
  await page.getByRole('link', { name: 'Health' }).click();
  await page.getByText('The credential is no longer valid').waitFor();
  await page.context().close();
  await own.close();
});

test('with basic the console asks for user and password itself, and the browser shows no prompt', async () => {
  const own = await startConsole({ auth: 'type: basic, basic: { username: ops, password: "a long: passwörd" }' });
  const { page, faults } = await openPage(browser);
  await page.goto(own.url);
  await page.getByLabel('User name').fill('ops');
  await page.getByLabel('Password').fill('a wrong password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('does not accept this credential').waitFor();
  await page.getByLabel('Password').fill('a long: passwörd');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Who may call what' }).waitFor();
  expect(faults).toEqual([]);
  await page.context().close();
  await own.close();
});

test('without a credential of the file, on loopback, the console asks for none', async () => {
  const own = await startConsole({ auth: '' });
  const { page, faults } = await openPage(browser);
  await page.goto(own.url);
  await page.getByRole('heading', { name: 'Who may call what' }).waitFor();
  expect(await page.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
  expect(faults).toEqual([]);
  await page.context().close();
  await own.close();
});
