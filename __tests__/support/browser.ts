/**
 * A real Chromium for the tests of pages, with what it says about errors and violations.
 *
 * @needs chromium
 */
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { findProgram } from '../../scripts/programs.mjs';

export type { Browser, Page } from 'playwright-core';

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findProgram('chromium') as string,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--js-flags=--expose-gc'],
  });
}

export interface Watched {
  readonly page: Page;
  /** Errors of scripts, violations of the policy, and errors in the console of the browser. */
  readonly faults: string[];
}

/** A page of its own profile. A 401 is no fault: the page asks for the credential then. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !/status of 40[13]/.test(text)) faults.push(text);
  });
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => console.error('policy', effectiveDirective, blockedURI, sample))`,
  );
  return { page, faults };
}
