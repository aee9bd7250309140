import { describe, expect, it, test } from 'vitest';
import { keyOf, searchedKey } from '../../server/auth/state-check.ts';
import { ownerOf } from '../../server/auth/state-rights.ts';
import type { Client } from '../../server/auth/types.ts';
import type { JsonObject, JsonValue } from '../../server/fhir/types.ts';

const SYSTEM = 'https://app.example';
const FHIR = 'https://h.example/fhir';

test.each([
  ['https://app.example', 'https://app.example'],
  ['https://app.example/', undefined],
  ['https://app.example/state', undefined],
  ['http://app.example', undefined],
  ['https://launch.example', 'https://launch.example'],
  ['http://localhost:3000', 'client:x'],
  ['urn:shared', 'urn:shared'],
  ['null', undefined],
])('ownerOf() says that %s belongs to %s', (system, owner) => {
  const client: Pick<Client, 'id' | 'redirectUris' | 'launchUris' | 'settings'> = {
    ...{ id: 'x', settings: { appState: ['urn:shared'] } },
    redirectUris: ['https://app.example/cb', 'http://localhost:3000/cb', 'org.app:/cb'],
    launchUris: ['https://launch.example/start'],
  };
  expect(ownerOf(client as Client, system)).toBe(owner);
});

describe('keyOf()', () => {
  const basic = (more: Record<string, JsonValue | undefined> = {}): JsonObject =>
    JSON.parse(
      JSON.stringify({
        ...{ resourceType: 'Basic', code: { coding: [{ system: SYSTEM, code: 'a' }] } },
        ...{ subject: { reference: `${FHIR}/Patient/p1` }, ...more },
      }),
    );

  it.each<[string, Record<string, JsonValue | undefined>]>([
    ['an id', { id: 'x' }],
    ['a version', { meta: { versionId: '1' } }],
    ['no code', { code: undefined }],
    [
      'two codings',
      {
        code: {
          coding: [
            { system: SYSTEM, code: 'a' },
            { system: 'b', code: 'b' },
          ],
        },
      },
    ],
    ['a coding without system', { code: { coding: [{ code: 'a' }] } }],
    ['a relative subject', { subject: { reference: 'Patient/p1' } }],
    ['a subject elsewhere', { subject: { reference: 'https://other.example/fhir/Patient/p1' } }],
    ['a subject of another type', { subject: { reference: `${FHIR}/Location/l` } }],
    ['a version of a subject', { subject: { reference: `${FHIR}/Patient/p1/_history/1` } }],
    ['another type', { resourceType: 'Patient' }],
    ['an element that is not kept', { author: { reference: `${FHIR}/Patient/p1` } }],
    ['an extension with another value', { extension: [{ url: 'a', valueInteger: 1 }] }],
    ['an extension within another', { extension: [{ url: 'a', extension: [] }] }],
    ['an extension that is none', { extension: ['a'] }],
    ['extensions that are none', { extension: {} }],
  ])('refuses %s', (_name, more) => {
    expect(() => keyOf(basic(more), { base: FHIR })).toThrow();
  });

  it('reads code and subject', () => {
    const key = { system: SYSTEM, code: 'a', subject: 'Patient/p1' };
    expect(keyOf(basic(), { base: FHIR })).toEqual(key);
    const alone = basic({ subject: undefined, id: 'x', meta: { versionId: '7' } });
    expect(keyOf(alone, { base: FHIR, id: 'x' })).toEqual({ ...key, subject: '' });
    expect(() => keyOf(alone, { base: FHIR, id: 'y' })).toThrow();
  });
});

describe('searchedKey()', () => {
  const subject = `${FHIR}/Practitioner/1`;
  it.each<[string, Record<string, string>]>([
    ['no code', { subject }],
    ['a code without system', { code: 'a', subject }],
    ['several codes', { code: 'a|b,c|d', subject }],
    ['no subject', { code: 'a|b' }],
    ['subject:missing=false', { code: 'a|b', 'subject:missing': 'false' }],
    ['both', { code: 'a|b', subject, 'subject:missing': 'true' }],
    ['a relative subject', { code: 'a|b', subject: 'Practitioner/1' }],
    ['another parameter', { code: 'a|b', subject, _id: '1' }],
  ])('refuses %s', (_name, query) => {
    expect(() => searchedKey(new Map(Object.entries(query)), FHIR)).toThrow(/code/);
  });
});
