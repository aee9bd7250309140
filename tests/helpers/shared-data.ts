import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/**
 * Real input that may lie beside the project (`shared/data`): its path, or undefined where it does
 * not. Tests that want it skip then, with a title that says so.
 */
export function sharedData(...path: string[]): string | undefined {
  const found = join(root, '..', 'shared', 'data', ...path);
  return existsSync(found) ? found : undefined;
}
