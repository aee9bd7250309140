import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';

/** Chromium as people have it; playwright-core only drives it and brings none along. */

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

const named = process.env['KILN_TEST_CHROMIUM'];
const executablePath = (named ? [named] : PLACES).find((path) => existsSync(path));

/** Where screenshots go, if they are wanted: for people who look at the pages. */
const PICTURES = process.env['KILN_TEST_SCREENSHOTS'];

export interface Need {
  name: string;
  there: boolean;
}

const CHROMIUM = { name: 'Chromium (KILN_TEST_CHROMIUM)', there: executablePath !== undefined };

/** For `describe.runIf`: whether tests can run, and a title that says so if not. */
export function needs(title: string, ...others: Need[]): { can: boolean; title: string } {
  const missing = [CHROMIUM, ...others].filter(({ there }) => !there).map(({ name }) => name);
  const why = missing.length > 0 ? ` (skipped: no ${missing.join(', no ')})` : '';
  // Not every reporter shows the titles of what is skipped.
  if (why !== '') console.warn(`${title}${why}`);
  return { can: missing.length === 0, title: `${title}${why}` };
}

/** A page of a browser of its own, and what went wrong in it. */
export interface Person {
  page: Page;
  /** Console errors, uncaught exceptions, violations of a Content Security Policy. */
  faults: string[];
  /**
   * Checks the page that is open for what every page of Kiln owes those who use it, in both colour
   * schemes and on a telephone.
   */
  look(name: string): Promise<void>;
  /** The same for another page of theirs. */
  lookAt(page: Page, name: string): Promise<void>;
  /**
   * Presses Tab until the field or button is reached whose name begins so; whatever is passed on the
   * way has to show that it has the focus (WCAG 2.4.7).
   */
  tabTo(name: string): Promise<void>;
}

/** One Chromium for the tests of a file; each call opens a browser without cookies. */
export function people(): () => Promise<Person> {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ ...(executablePath && { executablePath }) });
  });
  afterAll(() => browser?.close());
  return async () => {
    const context = await browser.newContext({ locale: 'en-GB' });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(`${message.text()} at ${page.url()}`);
    });
    page.on('pageerror', (error) => faults.push(`${error.message} at ${page.url()}`));
    return {
      ...{ page, faults, lookAt: look, look: (name) => look(page, name) },
      tabTo: (name) => tabTo(page, name),
    };
  };
}

/** Answers a list of what is wrong with the page. Plain script, as it runs in the browser. */
const JUDGE = readFileSync(new URL('./judge-page.js', import.meta.url), 'utf8');

const SCHEMES = ['light', 'dark'] as const;
/** In CSS pixels. 320 is what has to do (WCAG 1.4.10), 400 and 1280 are what people have. */
const WIDTHS = [320, 400, 1280];

async function look(page: Page, name: string): Promise<void> {
  const wrong: string[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      const found = await page.evaluate<string[]>(JUDGE);
      wrong.push(...found.map((fault) => `${name}, ${colorScheme}, ${width} px: ${fault}`));
      if (PICTURES && width > 320) {
        mkdirSync(PICTURES, { recursive: true });
        const path = join(PICTURES, `${name}-${colorScheme}-${width}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
  }
  await page.emulateMedia({ colorScheme: null });
  expect(wrong).toEqual([]);
}

/** Name of what has the focus, and whether one can see that it has. */
const FOCUS = `(() => {
  const focused = document.activeElement;
  const label = focused.labels?.[0] ?? focused;
  const { outlineStyle, outlineWidth } = getComputedStyle(focused);
  const isSeen = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
  return { name: label.textContent.trim().replace(/\\s+/g, ' '), isSeen };
})()`;

/** Pages have fewer fields. */
const MOST_TABS = 80;

async function tabTo(page: Page, name: string): Promise<void> {
  for (let tabs = 0; tabs < MOST_TABS; tabs++) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate<{ name: string; isSeen: boolean }>(FOCUS);
    expect(focus).toEqual({ ...focus, isSeen: true });
    if (focus.name.startsWith(name)) return;
  }
  throw new Error(`Tab does not lead to "${name}" at ${page.url()}`);
}
