import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { isObject, parseJson, stringify } from '../../server/fhir/json.ts';
import { applyJsonPatch, parseJsonPatch } from '../../server/fhir/json-patch.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import { applyPatch, parsePatch } from '../../server/fhir/patch.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';
import { xmlCodec } from '../../server/fhir/xml.ts';
import { sharedData } from '../helpers/shared-data.ts';

interface Case {
  name: string;
  doc: JsonObject;
  patch: JsonValue;
  expected?: JsonObject;
  /** Kind of the error, and what its first issue says. */
  error?: string;
  says?: string;
}

const definitions = loadDefinitions();
const casesOf = (name: string): Case[] =>
  parseJson(readFileSync(new URL(`../cases/${name}`, import.meta.url), 'utf8')) as never;

/** Operations of the case table as Parameters: `nameOf` is the part "name". */
function parametersOf(operations: JsonValue): Resource {
  const parameter = (operations as JsonObject[]).map(({ nameOf, value, ...rest }) => {
    const part: JsonObject[] = [
      { name: 'type', valueCode: rest['type'] ?? '' },
      { name: 'path', valueString: rest['path'] ?? '' },
    ];
    if (nameOf !== undefined) part.push({ name: 'name', valueString: nameOf });
    if (isObject(value)) part.push({ name: 'value', ...value });
    for (const name of ['index', 'source', 'destination']) {
      const number = rest[name];
      if (number !== undefined) part.push({ name, valueInteger: number });
    }
    return { name: 'operation', part };
  });
  return { resourceType: 'Parameters', parameter };
}

function errorOf(run: () => unknown): FhirError {
  try {
    run();
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function check({ doc, expected, error, says }: Case, run: () => JsonValue): void {
  const before = stringify(doc);
  if (error === undefined) expect(stringify(run())).toBe(stringify(expected ?? {}));
  else {
    const thrown = errorOf(run);
    expect([thrown.kind, thrown.message]).toEqual([error, expect.stringContaining(says ?? '')]);
  }
  expect(stringify(doc)).toBe(before);
}

describe('JSON Patch', () => {
  it.each(casesOf('json-patch.json'))('$name', (row) => {
    check(row, () => applyJsonPatch(parseJsonPatch(row.patch), row.doc));
  });

  it('names every malformed operation at once', () => {
    const error = errorOf(() => parsePatch([{ op: 'add', path: '/a' }, { op: 'x', path: 'y' }, 3]));
    expect(error.issues.map(({ diagnostics }) => diagnostics.slice(0, 22))).toEqual([
      'JSON Patch operation 0',
      'JSON Patch operation 1',
      'JSON Patch operation 1',
      'JSON Patch operation 2',
      'JSON Patch operation 2',
    ]);
  });

  it('refuses copies that double the resource again and again', () => {
    const patch = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/c${i}` }));
    const error = errorOf(() =>
      applyPatch(parsePatch(patch), { resourceType: 'Basic' }, definitions),
    );
    expect(error.kind).toBe('too-large');
  });

  it('refuses a patch of more operations than a resource can need', () => {
    const patch = Array.from({ length: 5_001 }, () => ({ op: 'remove', path: '/a' }));
    expect(errorOf(() => parsePatch(patch)).kind).toBe('too-large');
    const parameters = parametersOf(patch.map(() => ({ type: 'delete', path: 'Patient.name' })));
    expect(errorOf(() => parsePatch(parameters)).kind).toBe('too-large');
  });

  it('refuses values that nest deeper than any resource', () => {
    let value: JsonValue = 1;
    for (let depth = 0; depth < 150; depth += 1) value = { a: value };
    const patch = parsePatch([{ op: 'add', path: '/code', value }]);
    const error = errorOf(() => applyPatch(patch, { resourceType: 'Basic' }, definitions));
    expect([error.kind, error.message]).toEqual(['unprocessable', expect.stringMatching(/deeper/)]);
  });

  it('ends in a resource or a FhirError whatever the operations', () => {
    const path = fc.constantFrom(
      '',
      '/a',
      '/a/0',
      '/a/-',
      '/a/1/b',
      '/b',
      '/b/c',
      '/b/_c/0',
      '/x~1y',
    );
    const value = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>;
    const operation = fc.record(
      {
        op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test'),
        path,
        from: path,
        value,
      },
      { requiredKeys: ['op', 'path'] },
    );
    const doc = { a: [1, { b: 2 }], b: { c: ['x'], _c: [null] } };
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
        try {
          applyJsonPatch(parseJsonPatch(operations), doc);
        } catch (error) {
          expect(error).toBeInstanceOf(FhirError);
        }
        expect(doc).toEqual({ a: [1, { b: 2 }], b: { c: ['x'], _c: [null] } });
      }),
    );
  });
});

describe('FHIRPath Patch', () => {
  it.each(casesOf('fhirpath-patch.json'))('$name', (row) => {
    const doc: Resource = { resourceType: 'Patient', ...row.doc };
    const expected = { resourceType: 'Patient', ...row.expected };
    check({ ...row, doc, expected }, () =>
      applyPatch(parsePatch(parametersOf(row.patch)), doc, definitions),
    );
  });

  it('says which operation does not fit', () => {
    const patch = parametersOf([
      { type: 'delete', path: 'Patient.name' },
      { type: 'replace', path: 'Patient.gender', value: { valueCode: 'male' } },
    ]);
    const error = errorOf(() =>
      applyPatch(parsePatch(patch), { resourceType: 'Patient' }, definitions),
    );
    expect(error.issues).toEqual([
      {
        severity: 'error',
        code: 'processing',
        diagnostics:
          'FHIRPath Patch replace Patient.gender: the path matches nothing in the resource.',
        expression: 'Parameters.parameter[1]',
      },
    ]);
  });

  it('keeps the text of decimals', () => {
    const text = '{"resourceType":"Observation","valueQuantity":{"value":1.00}}';
    const patch = parsePatch(
      parseJson(
        '{"resourceType":"Parameters","parameter":[{"name":"operation","part":[' +
          '{"name":"type","valueCode":"add"},{"name":"path","valueString":"Observation"},' +
          '{"name":"name","valueString":"referenceRange"},{"name":"value","part":[' +
          '{"name":"low","valueQuantity":{"value":2.50}}]}]}]}',
      ),
    );
    expect(stringify(applyPatch(patch, parseJson(text) as Resource, definitions))).toBe(
      '{"resourceType":"Observation","valueQuantity":{"value":1.00},' +
        '"referenceRange":[{"low":{"value":2.50}}]}',
    );
  });

  it('refuses to look through a long list again and again', () => {
    const member = Array.from({ length: 20_000 }, (_, i) => ({
      entity: { reference: `Patient/${i}` },
    }));
    const path = "Group.member.where(entity.reference = 'Patient/x')";
    const patch = parsePatch(
      parametersOf(Array.from({ length: 100 }, () => ({ type: 'delete', path }))),
    );
    const error = errorOf(() => applyPatch(patch, { resourceType: 'Group', member }, definitions));
    expect(error.kind).toBe('too-large');
  });

  it('refuses paths whose parentheses nest without end', () => {
    const path = `Patient.name.where(${'('.repeat(900)}true${')'.repeat(900)})`;
    const error = errorOf(() => parsePatch(parametersOf([{ type: 'delete', path }])));
    expect([error.kind, error.message]).toEqual(['invalid', 'the path nests too deep.']);
  });
});

describe('applyPatch()', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    id: '1',
    meta: { versionId: '3', lastUpdated: '2024-01-01T00:00:00Z', tag: [{ code: 'a' }] },
  };

  it.each([
    ['id', [{ op: 'replace', path: '/id', value: '2' }], 'Patient.id'],
    ['id', [{ op: 'remove', path: '/id' }], 'Patient.id'],
    [
      'resourceType',
      [{ op: 'replace', path: '/resourceType', value: 'Group' }],
      'Patient.resourceType',
    ],
    [
      'id',
      parametersOf([{ type: 'replace', path: 'Patient.id', value: { valueId: '2' } }]),
      'Patient.id',
    ],
  ])('refuses to change %s', (_name, patch, expression) => {
    const error = errorOf(() => applyPatch(parsePatch(patch), patient, definitions));
    expect([error.kind, error.issues[0]?.expression]).toEqual(['unprocessable', expression]);
  });

  it.each([
    ['a resource of other nature', [{ op: 'replace', path: '', value: 'text' }]],
    ['nothing', [{ op: 'replace', path: '', value: null }]],
  ])('refuses to leave %s', (_name, patch) => {
    expect(errorOf(() => applyPatch(parsePatch(patch), patient, definitions)).kind).toBe(
      'unprocessable',
    );
  });

  it('undoes what a patch does to versionId and lastUpdated', () => {
    const patch = parsePatch([
      { op: 'replace', path: '/meta', value: { versionId: '9', profile: ['http://p'] } },
    ]);
    expect(applyPatch(patch, patient, definitions)['meta']).toEqual({
      versionId: '3',
      lastUpdated: '2024-01-01T00:00:00Z',
      profile: ['http://p'],
    });
  });

  it('can be applied twice with equal results', () => {
    const patch = parsePatch([{ op: 'add', path: '/name', value: [{ family: 'A' }] }]);
    const first = applyPatch(patch, patient, definitions);
    (first['name'] as JsonObject[])[0]!['family'] = 'B';
    expect(applyPatch(patch, patient, definitions)['name']).toEqual([{ family: 'A' }]);
  });
});

describe('parsePatch()', () => {
  it.each([
    ['a resource that is no Parameters', { resourceType: 'Patient' }, undefined, 'invalid'],
    ['a text', 'x', undefined, 'invalid'],
    [
      'Parameters as JSON Patch',
      { resourceType: 'Parameters' },
      'application/json-patch+json',
      'invalid',
    ],
    ['a merge patch', {}, 'application/merge-patch+json; charset=utf-8', 'unsupported-media'],
    ['an XML Patch', {}, 'application/xml-patch+xml', 'unsupported-media'],
  ])('refuses %s', (_name, body, contentType, kind) => {
    expect(errorOf(() => parsePatch(body, contentType)).kind).toBe(kind);
  });
});

/** HL7's own cases (github.com/FHIR/fhir-test-cases, `r4/patch`), which stay outside of this house. */
const official = sharedData('fhir-test-cases', 'patch');
const title = official ? 'the cases of HL7' : 'the cases of HL7 (skipped: no shared data here)';

describe.runIf(official)(title, () => {
  const text = (name: string): string => readFileSync(join(official ?? '', name), 'utf8');
  const codec = xmlCodec(definitions);

  it('has every JSON Patch come out as published', () => {
    const cases = parseJson(text('json-patch-tests.json')) as unknown as (Case & {
      comment: string;
    })[];
    expect(cases.length).toBeGreaterThan(0);
    for (const { comment, doc, patch, expected } of cases) {
      const run = (): JsonValue => applyJsonPatch(parseJsonPatch(patch), doc);
      if (expected === undefined) expect(errorOf(run).kind, comment).toBe('unprocessable');
      else expect(run(), comment).toEqual(expected);
    }
  });

  it('has every FHIRPath Patch come out as published', () => {
    const cases = text('fhir-patch-tests.xml').match(/<case [\s\S]*?<\/case>/g) ?? [];
    expect(cases.length).toBeGreaterThan(0);
    for (const each of cases) {
      const part = (name: string): Resource => {
        const inner = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(each)?.[1] ?? '';
        return codec.fromXml(Buffer.from(inner.trim()));
      };
      const name = /name="([^"]*)"/.exec(each)?.[1] ?? '';
      const result = applyPatch(parsePatch(part('diff')), part('input'), definitions);
      expect(result, name).toEqual(part('output'));
    }
  });
});
