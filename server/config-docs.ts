import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { settings } from './config-settings.ts';

/** Writes the settings into docs/configuration.md and README.md: `npm run docs`. */

const BETWEEN_MARKS = /(<!-- config -->)[\s\S]*?(<!-- \/config -->)/;

/** The table of all settings in Markdown. */
export function settingsTable(): string {
  const rows = settings.map(([name, kind, fallback, meaning]) => {
    const value = fallback === '' ? '' : `\`${fallback}\``;
    return `| \`${name}\` | ${value} | ${meaning} | ${kind.expects} |`;
  });
  return ['| Name | Default | Meaning | Value |', '|---|---|---|---|', ...rows].join('\n');
}

export function configurationPage(): string {
  return `# Configuration

Kiln is configured by environment variables, read once at the start. All faults are reported
together, and Kiln then exits with status 1. An empty variable counts as unset.

${settingsTable()}

<!-- Made from server/config-settings.ts by \`npm run docs\`; a test checks that it is up to date. -->
`;
}

/** `readme` with the table between its marks; unchanged where it has none. */
export function withSettings(readme: string): string {
  return readme.replace(BETWEEN_MARKS, (_, open, close) => `${open}\n${settingsTable()}\n${close}`);
}

if (import.meta.main) {
  const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
  writeFileSync(path('docs/configuration.md'), configurationPage());
  const readme = path('README.md');
  if (existsSync(readme)) writeFileSync(readme, withSettings(readFileSync(readme, 'utf8')));
}
