import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Statement } from './pg.ts';

/**
 * The statement in `sql/<file>` beside the module that asks (`import.meta.url`), to be prepared as
 * `<folder>.<file>`. To be called once, when the module loads.
 */
export function loadSql(moduleUrl: string, file: string): Required<Statement> {
  const folder = dirname(fileURLToPath(moduleUrl));
  const text = readFileSync(join(folder, 'sql', file), 'utf8').trim();
  return { name: `${basename(folder)}.${basename(file, '.sql')}`, text };
}
