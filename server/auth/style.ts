import { createHash } from 'node:crypto';
import { type AuthRoute, answerJson } from './route.ts';
import type { AuthService } from './types.ts';

/**
 * What apps need to look like the page they are embedded in (SMART App Launch 2.2, "Styling"). The
 * colours are those of `pages/kiln.css`.
 */
const style = {
  color_background: '#faf7f4',
  color_error: '#a11212',
  color_highlight: '#9c3d1b',
  color_modal_backdrop: '#22201e',
  color_success: '#1f6b3a',
  color_text: '#22201e',
  dim_border_radius: '8px',
  dim_font_size: '16px',
  dim_spacing_size: '16px',
  font_family_body: 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  font_family_heading: 'system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif',
};

/** SMART: a new URL whenever the content changes. */
const version = createHash('sha256').update(JSON.stringify(style)).digest('hex').slice(0, 12);

/** `smart_style_url` of token responses. */
export const styleUrl = ({ config }: AuthService): string =>
  `${config.origin}/auth/style.json?v=${version}`;

const WEEK_S = 7 * 24 * 3600;

export const routes: readonly AuthRoute[] = [
  {
    method: 'GET',
    path: '/auth/style.json',
    origins: 'any',
    handler: async () =>
      answerJson(style, {
        headers: { 'Cache-Control': `public, max-age=${WEEK_S}, immutable` },
      }),
  },
];
