import { describe, expect, it } from 'vitest';
import { CATEGORIES, SHARED_TYPES } from '../../server/auth/consent-parts.ts';
import { agreedScope, offersOf } from '../../server/auth/consent-scopes.ts';
import { grantable, isNarrower, parseScopes } from '../../server/auth/scopes.ts';
import { definitions } from '../helpers/store.ts';

const ASKED =
  'openid fhirUser offline_access launch/patient ' +
  'patient/Condition.rs patient/*.read user/Patient.r patient/Observation.rs?category=x';

/** Names of the ticks of an offer by the beginning of its words or scopes. */
const partOf = (scope: string, end: string): string => {
  const { resources } = offersOf(scope);
  const parts = [...resources.patient, ...resources.user].flatMap((offer) => offer.parts);
  return parts.find((part) => part.scope.endsWith(end))?.field ?? 'none';
};
const agreed = (scope: string, ...ticked: string[]): string[] =>
  agreedScope(scope, new Map(ticked.map((name) => [name, 'yes']))).split(' ');

describe('offersOf()', () => {
  it('groups what is asked for by whose it is', () => {
    const { resources, identity, lasting } = offersOf(ASKED);
    const scopes = (offers: readonly { scopes: readonly string[] }[]) =>
      offers.flatMap((offer) => offer.scopes);
    expect(scopes(resources.patient)).toEqual([
      'patient/Condition.rs',
      'patient/*.read',
      'patient/Observation.rs?category=x',
    ]);
    expect(scopes(resources.user)).toEqual(['user/Patient.r']);
    expect(identity?.scopes).toEqual(['openid', 'fhirUser']);
    expect(scopes(lasting)).toEqual(['offline_access']);
  });

  it('offers categories of a type and types of all, but no parts of what is granular', () => {
    expect(offersOf(ASKED).resources.patient.map(({ kind }) => kind)).toEqual([
      'categories',
      'types',
      undefined,
    ]);
  });

  it('says what a scope for everything means for what comes later', () => {
    const [offer] = offersOf('patient/*.rs').resources.patient;
    expect(offer?.words).toMatch(/read and search everything of this patient.*come later/);
  });

  it.each(Object.keys(CATEGORIES).flatMap((type) => [`patient/${type}.rs`, `user/${type}.read`]))(
    'offers parts of %s that can be granted and are narrower',
    (text) => {
      const { resources } = offersOf(text);
      const parts = [...resources.patient, ...resources.user].flatMap((offer) => offer.parts);
      expect(parts.length).toBeGreaterThan(0);
      for (const { scope } of parts) {
        const { scopes } = parseScopes(scope);
        expect(scopes.map(grantable(definitions))).toEqual([undefined]);
        expect(isNarrower(scopes, parseScopes(text).scopes)).toBe(true);
      }
    },
  );

  it('offers only types that there are', () => {
    expect(SHARED_TYPES.filter((type) => !definitions.resourceTypes.includes(type))).toEqual([]);
  });
});

describe('agreedScope()', () => {
  const ALL = ['identity', 'offline', 'scope-0', 'scope-1', 'scope-2', 'scope-3'];

  it('gives all where all is ticked', () => {
    expect(agreed(ASKED, ...ALL).sort()).toEqual(ASKED.split(' ').sort());
  });

  it('leaves out what was unticked', () => {
    const ticked = ALL.filter((name) => name !== 'offline' && name !== 'scope-1');
    expect(agreed(ASKED, ...ticked).sort()).toEqual(
      ASKED.split(' ')
        .filter((one) => one !== 'offline_access' && one !== 'patient/*.read')
        .sort(),
    );
  });

  it('narrows a type to the categories that were ticked', () => {
    const scope = 'patient/Condition.rs patient/Observation.read';
    const ticked = [
      partOf(scope, '|encounter-diagnosis'),
      partOf(scope, '|problem-list-item'),
      partOf(scope, '|laboratory'),
    ];
    expect(agreed(scope, 'scope-0', 'scope-1', ...ticked)).toEqual([
      'patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item',
      'patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis',
      'patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory',
    ]);
  });

  it('narrows everything to the types that were ticked, in the version asked for', () => {
    const scope = 'patient/*.read';
    expect(agreed(scope, 'scope-0', partOf(scope, '/Patient.read'))).toEqual([
      'patient/Patient.read',
    ]);
    const newer = 'user/*.cruds';
    expect(agreed(newer, 'scope-0', partOf(newer, '/Goal.cruds'))).toEqual(['user/Goal.cruds']);
  });

  it('gives nothing of a type whose category alone is ticked', () => {
    const scope = 'openid patient/Condition.rs';
    expect(agreed(scope, 'identity', partOf(scope, '|problem-list-item'))).toEqual(['openid']);
  });

  it.each([[[]], [['offline']], [['scope-9', 'scope-0-1', '__proto__']]])(
    'is empty where nothing that counts is ticked: %j',
    (ticked) => {
      expect(agreed(ASKED, ...ticked)).toEqual(['']);
    },
  );

  it('takes a request for nothing but a launch as it is', () => {
    expect(agreed('launch launch/patient')).toEqual(['launch', 'launch/patient']);
  });
});
