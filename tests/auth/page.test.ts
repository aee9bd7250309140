import { readFileSync } from 'node:fs';
import { html } from 'hono/html';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describedBy, errorPage, page, routes } from '../../server/auth/page.ts';
import { field } from '../../server/auth/pages/field.ts';
import type { AuthRoute } from '../../server/auth/route.ts';
import { type OpenAuth, openAuth } from '../helpers/auth.ts';

let auth: OpenAuth;
const errors = [{ field: 'login', text: 'Enter <your> name.' }];

const probes: AuthRoute[] = [
  {
    method: 'GET',
    path: '/test/page',
    handler: (_service, context) =>
      page(context, {
        title: 'A "title" <b>',
        body: html`<form${describedBy(errors)}>
          ${field({ name: 'login', label: 'Name', value: '"><script>', hint: 'As told', errors })}
        </form>`,
        ...{ errors, status: 400, formTargets: ['https://app.example', 'org.app:'] },
      }),
  },
  {
    method: 'GET',
    path: '/test/error',
    handler: (_service, context) =>
      errorPage(context, { title: 'Wait', text: 'A & B', status: 429, retryAfter: 7 }),
  },
];

beforeAll(async () => {
  auth = await openAuth([routes, probes]);
});
afterAll(() => auth.stop());

const get = (path: string): Promise<Response> => fetch(new URL(path, auth.origin));

describe('page()', () => {
  it('lets nothing run, frame or keep it, and forms go only where they should', async () => {
    const { headers, status } = await get('/test/page');
    expect(status).toBe(400);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; img-src 'self' data:; " +
        "form-action 'self' https://app.example org.app:; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('same-origin');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-type')).toMatch(/^text\/html; charset=utf-8$/i);
  });

  it('escapes all it is given and has no script, style or second h1', async () => {
    const text = await (await get('/test/page')).text();
    expect(text).not.toMatch(/<script|<style|style=|\son\w+=|<b>|<your>/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    expect(text).toContain('<html lang="en">');
    expect(text).toContain('<title>Error: A &quot;title&quot; &lt;b&gt; - Kiln</title>');
  });

  it('ties what is wrong to its field for those who listen', async () => {
    const text = await (await get('/test/page')).text();
    expect(text).toMatch(/<div class="errors" role="alert" id="errors">/);
    expect(text).toContain('<a href="#login">Enter &lt;your&gt; name.</a>');
    expect(text).toContain('<form aria-describedby="errors">');
    expect(text).toMatch(/<label for="login">Name<\/label>/);
    expect(text).toMatch(/aria-invalid="true"\s+aria-describedby="login-hint login-wrong"/);
  });

  it('says how long to wait', async () => {
    const response = await get('/test/error');
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await response.text()).toContain('<p role="alert">A &amp; B</p>');
  });
});

describe('kiln.css', () => {
  it('is served as a stylesheet that may be kept', async () => {
    const response = await get('/auth/kiln.css');
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600');
    expect(await response.text()).toContain(':focus-visible');
  });

  const css = readFileSync(new URL('../../server/auth/pages/kiln.css', import.meta.url), 'utf8');
  const [light = '', dark = ''] = css.split('@media');
  const pairs: [text: string, behind: string, least: number][] = [
    ...['ink', 'soft', 'clay'].flatMap((text): [string, string, number][] => [
      [text, 'paper', 4.5],
      [text, 'sheet', 4.5],
      [text, 'note-sheet', 4.5],
    ]),
    ...(['ink', 'soft', 'bad'] as const).map((text): [string, string, number] => [
      text,
      'bad-sheet',
      4.5,
    ]),
    ...[
      ['bad', 'sheet', 4.5] as [string, string, number],
      ['on-clay', 'clay', 4.5] as [string, string, number],
    ],
    // WCAG 1.4.11: borders of fields and the focus ring.
    ...[
      ['line', 'paper', 3] as [string, string, number],
      ['ring', 'sheet', 3] as [string, string, number],
    ],
  ];
  const luminance = (hex: string): number => {
    const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
    const [r = 0, g = 0, b = 0] = parts.map((one) =>
      one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  it.each(pairs)(
    'shows %s on %s with a contrast of at least %d:1 in both schemes',
    (text, behind, least) => {
      for (const scheme of [light, dark]) {
        const color = (name: string) =>
          luminance(new RegExp(`--${name}: (#[0-9a-f]{6})`).exec(scheme)?.[1] ?? '');
        const [low = 0, high = 0] = [color(text), color(behind)].sort((a, b) => a - b);
        expect((high + 0.05) / (low + 0.05)).toBeGreaterThanOrEqual(least);
      }
    },
  );
});
