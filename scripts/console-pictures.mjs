/**
 * Writes the pictures of the console in `docs/images` from the demo, in light and dark: `node scripts/console-pictures.mjs`,
 * after `npm run build:modules`. It needs Chromium.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { startDemo } from '../dist/demo/demo.js';
import { createLog } from '../dist/observe/log.js';
import { findProgram } from './programs.mjs';

/** A page of the documentation must load fast. */
const MOST_BYTES = 150_000;
const VIEWPORT = { width: 1120, height: 630 };
const run = promisify(execFile);
const folder = fileURLToPath(new URL('../docs/images/', import.meta.url));

const demo = await startDemo({ log: createLog({ level: 'silent' }) });
const browser = await chromium.launch({ executablePath: findProgram('chromium'), args: ['--no-sandbox'] });
try {
  mkdirSync(folder, { recursive: true });
  await callGateway(demo);
  for (const colorScheme of ['light', 'dark']) await takePictures(colorScheme);
} finally {
  await browser.close();
  await demo.stop();
}

async function takePictures(colorScheme) {
  const page = await browser.newPage({ viewport: VIEWPORT, colorScheme });
  await page.goto(`${demo.console.url}#/access`);
  await page.getByLabel('Token').fill(demo.console.reader);
  await page.keyboard.press('Enter');
  await page.locator('.map').waitFor();
  await take(page, `access-${colorScheme}`);
  await page.getByRole('link', { name: 'Decisions' }).click();
  await page.getByText('Live', { exact: true }).waitFor();
  await callGateway(demo);
  await page.locator('.decisions button', { hasText: 'token_expired' }).first().click();
  await page.locator('#detail-title').waitFor();
  await take(page, `decisions-${colorScheme}`);
  await page.getByRole('link', { name: 'Health' }).click();
  await page.locator('.facts').first().waitFor();
  await take(page, `health-${colorScheme}`);
  await page.close();
}

async function take(page, name) {
  const path = `${folder}console-${name}.png`;
  // A caret or a focus ring is not a part of the picture.
  await page.mouse.move(0, 0);
  await page.screenshot({ path, caret: 'hide' });
  const { size } = statSync(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes: more than ${MOST_BYTES}`);
  console.log(`docs/images/console-${name}.png ${Math.round(size / 1_024)} KiB`);
}

/** The requests that the demo prints, as far as they need no client certificate. */
async function callGateway({ examples, http }) {
  const lines = examples.split('\n').filter((line) => line.includes('curl') && line.includes(http));
  // The gateway is in this process, so nothing may block it.
  for (const line of lines) await run('bash', ['-c', line.trim()]);
}
