import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseJsonBytes } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { Issue } from '../../server/fhir/types.ts';
import { createValidator } from '../../server/fhir/validate.ts';
import { refused } from '../cases/examples-refused.ts';

const FOLDER = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);
const files = readdirSync(FOLDER).filter(
  (name) => name.endsWith('.json') && name !== 'package.json',
);
const validator = createValidator(loadDefinitions());

function issuesOf(name: string): Issue[] {
  return validator.validate(parseJsonBytes(readFileSync(new URL(name, FOLDER))));
}

const expected = new Set(refused.map(([name]) => `${name}.json`));

describe('validate()', () => {
  test('accepts every example and definition of R4 that is not in the table', {
    timeout: 120_000,
  }, () => {
    const wrong = files
      .filter((name) => !expected.has(name))
      .flatMap((name) => issuesOf(name).map((issue) => `${name}: ${issue.diagnostics}`));
    expect(wrong).toEqual([]);
    expect(files.length).toBeGreaterThan(5000);
  });

  test.each(refused)('refuses %s by %s', (name, rule) => {
    const texts = issuesOf(`${name}.json`).map((issue) => issue.diagnostics);
    expect(texts.join('\n')).toContain(rule);
  });
});
