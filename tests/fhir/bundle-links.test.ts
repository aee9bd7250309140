import { describe, expect, it } from 'vitest';
import { collectReferences, rewriteReferences } from '../../server/fhir/bundle-links.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { definitions } from '../helpers/bundles.ts';

describe('collectReferences() and rewriteReferences()', () => {
  const resource: Resource = {
    resourceType: 'Observation',
    contained: [{ resourceType: 'Patient', link: [{ other: { reference: 'Patient/2' } }] }],
    subject: { reference: 'Patient/1' },
    code: { coding: [{ system: 'http://loinc.org', code: '1' }] },
  };

  it('visit links in document order with their kind', () => {
    const found: [string, string][] = [];
    collectReferences(resource, definitions, (text, kind) => found.push([text, kind]));
    expect(found).toEqual([
      ['Patient/2', 'reference'],
      ['Patient/1', 'reference'],
      ['http://loinc.org', 'uri'],
    ]);
  });

  it('rewrite a copy', () => {
    const before = structuredClone(resource);
    const map = (text: string): string | undefined =>
      text === 'Patient/1' ? 'Patient/3' : undefined;
    const after = rewriteReferences(resource, definitions, map);
    expect(after).toEqual({ ...before, subject: { reference: 'Patient/3' } });
    expect(resource).toEqual(before);
  });
});
