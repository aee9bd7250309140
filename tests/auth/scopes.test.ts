import fc from 'fast-check';
import { expect, describe as group, it } from 'vitest';
import {
  describe,
  grantable,
  isNarrower,
  isNarrowerText,
  narrow,
  narrowText,
  OPS,
  parseScope,
  parseScopes,
  printScopes,
  type ResourceScope,
} from '../../server/auth/scopes.ts';
import { definitions } from '../helpers/term.ts';

const scopesOf = (text: string): ResourceScope[] => parseScopes(text).scopes;
const texts = (scopes: readonly ResourceScope[]): string => scopes.map((one) => one.text).join(' ');

group('parseScopes()', () => {
  it.each([
    ['patient/Observation.rs', 'rs', 2],
    ['patient/Observation.r', 'r', 2],
    ['user/*.cruds', 'cruds', 2],
    ['system/Patient.cud', 'cud', 2],
    ['patient/Observation.read', 'rs', 1],
    ['user/Observation.write', 'cud', 1],
    ['system/*.*', 'cruds', 1],
  ])('%s means %s', (text, letters, version) => {
    const [scope] = scopesOf(text);
    expect(OPS.filter((op) => scope?.ops.has(op)).join('')).toBe(letters);
    expect(scope).toMatchObject({ version, text, query: [] });
  });

  it.each([
    'patient/*.RS',
    'patient/Observation.sr',
    'patient/Observation.rr',
    'patient/Observation.',
    'patient/Observation',
    'patient/.rs',
    'patient/observation.rs',
    'patient/Obs*.rs',
    'patient/Observation.readwrite',
    'patient/Observation.reads',
    'Patient/Observation.rs',
    'PATIENT/Observation.rs',
    'clinic/Observation.rs',
    'patient/Observation.rs?',
    'patient/Observation.rs?category',
    'patient/Observation.rs?category=',
    'patient/Observation.rs?=lab',
    'patient/Observation.rs?category=lab&',
    'patient/Observation.rs?category=lab,',
    'patient/Observation.rs?category=%zz',
    'patient/Observation.rs?category=%00',
    'patient/Observation.rs?category=a%5C,b',
    'patient/Observation.read?category=lab',
    'patient/Observation.rs?category:in=http://x.org/vs',
    'patient/Observation.rs?category%3Ain=x',
    'patient/Observation.rs?subject.name=x',
    'patient/Observation.rs?_has:Group:member:code=x',
    'patient/Observation.rs?_filter=status',
    'patient/Observation.rs?__proto__=x',
    'patient/constructor.rs',
    'profile',
    'launch/Patient',
    'launch/patient?role=',
    'patient/"Observation".rs',
    'patient/Observation.rs\tpatient/Condition.rs',
    `patient/Observation.rs?category=${'x'.repeat(1001)}`,
  ])('gives nothing for %j and reports it', (text) => {
    const { scopes, launch, refused } = parseScopes(text);
    expect([...scopes, ...launch]).toEqual([]);
    expect(refused).toEqual([text]);
  });

  it('tells the other words apart', () => {
    const text =
      'openid fhirUser offline_access launch launch/patient launch/imagingstudy?role=new';
    expect(parseScopes(`${text} constructor`)).toEqual({
      scopes: [],
      launch: ['launch', 'launch/patient', 'launch/imagingstudy?role=new'],
      identity: { openid: true, fhirUser: true, offline: true, online: false },
      refused: ['constructor'],
    });
  });

  it('reads a granular scope however it is encoded, and counts it once', () => {
    const plain = 'patient/Observation.rs?category=http://x.org|lab&status=final';
    const same = 'patient/Observation.rs?status=final&category=http%3A%2F%2Fx.org%7Clab';
    const { scopes, refused } = parseScopes(`${plain} ${same} ${plain}`);
    expect(refused).toEqual([]);
    expect(scopes).toMatchObject([
      {
        text: plain,
        query: [
          ['category', 'http://x.org|lab'],
          ['status', 'final'],
        ],
      },
    ]);
  });

  it('asks for both values where a parameter is given twice', () => {
    const [scope] = scopesOf('patient/Observation.rs?category=a&category=b&category=a');
    expect(scope?.query).toEqual([
      ['category', 'a'],
      ['category', 'b'],
    ]);
  });

  it('takes at most 200 scopes', () => {
    const many = Array.from({ length: 250 }, (_, i) => `patient/Observation.rs?code=c${i}`);
    const { scopes, refused, identity } = parseScopes(`${many.join(' ')} openid`);
    expect([scopes.length, refused.length, identity.openid]).toEqual([200, 50, true]);
  });
});

group('narrow()', () => {
  const cases: [asked: string, allowed: string, given: string][] = [
    ['patient/Observation.rs', 'patient/*.cruds', 'patient/Observation.rs'],
    ['patient/Observation.read', 'patient/*.rs', 'patient/Observation.read'],
    ['patient/*.read', 'patient/Condition.rs', 'patient/Condition.read'],
    ['patient/*.read', 'patient/Condition.r', 'patient/Condition.r'],
    ['patient/*.*', 'patient/Condition.cruds', 'patient/Condition.*'],
    ['patient/*.cruds', 'patient/*.read', 'patient/*.rs'],
    ['patient/Observation.cruds', 'patient/Observation.rs', 'patient/Observation.rs'],
    ['patient/Observation.rs', 'user/Observation.rs system/*.cruds', ''],
    ['patient/Observation.r', 'patient/Observation.s', ''],
    [
      'patient/Observation.rs',
      'patient/Observation.r patient/Observation.s',
      'patient/Observation.rs',
    ],
    [
      'patient/Condition.rs',
      'patient/Condition.rs?category=a|x patient/Condition.rs?category=a|y',
      'patient/Condition.rs?category=a|x patient/Condition.rs?category=a|y',
    ],
    [
      'patient/Condition.rs?category=x',
      'patient/Condition.rs?category=a|x',
      'patient/Condition.rs?category=x&category=a|x',
    ],
    [
      'patient/Condition.rs?category=a|x',
      'patient/Condition.rs?category=x',
      'patient/Condition.rs?category=a|x',
    ],
    [
      'patient/Condition.r?category=a',
      'patient/Condition.r?category=b,a',
      'patient/Condition.r?category=a',
    ],
    [
      'patient/*.rs',
      'patient/Condition.rs?category=a,b patient/Condition.rs?category=b,a',
      'patient/Condition.rs?category=a,b',
    ],
    ['patient/*.rs', 'patient/Condition.r patient/Condition.rs', 'patient/Condition.rs'],
    ['patient/*.rs patient/Condition.rs', 'patient/*.rs', 'patient/*.rs patient/Condition.rs'],
  ];
  it.each(cases)('gives of %s, where %s is allowed: %s', (asked, allowed, given) => {
    expect(texts(narrow(scopesOf(asked), scopesOf(allowed)))).toBe(given);
  });

  it('of whole lists keeps words that stand on both sides', () => {
    const asked = 'openid fhirUser launch/patient offline_access patient/*.rs nonsense';
    const allowed = 'openid launch/patient launch/encounter offline_access patient/Patient.r';
    expect(narrowText(asked, allowed)).toBe(
      'openid offline_access launch/patient patient/Patient.r',
    );
  });
});

group('isNarrower()', () => {
  it.each([
    ['patient/Observation.r', 'patient/*.read', true],
    ['patient/Observation.read', 'patient/Observation.rs', true],
    ['patient/Observation.read', 'patient/Observation.r', false],
    ['patient/*.r', 'patient/Observation.r', false],
    ['patient/Observation.rs', 'patient/Observation.r patient/Observation.s', true],
    ['patient/Observation.rs', 'patient/Observation.r?category=lab patient/Observation.s', false],
    ['patient/Observation.rs?category=lab', 'patient/Observation.rs', true],
    ['patient/Observation.rs', 'patient/Observation.rs?category=lab', false],
    ['patient/Observation.rs?category=vitals', 'patient/Observation.rs?category=lab', false],
    ['patient/Observation.rs?category=lab,vitals', 'patient/Observation.rs?category=lab', false],
    ['user/Observation.rs', 'patient/Observation.rs', false],
    ['openid patient/Patient.r', 'patient/Patient.r', false],
    ['offline_access', 'online_access', false],
    ['launch', 'launch/patient', false],
    ['nonsense', 'patient/Patient.r', false],
  ])('%s in %s: %s', (asked, granted, is) => {
    expect(isNarrowerText(asked, granted)).toBe(is);
  });
});

/** A scope of few types, operations and values, so that two of them often meet. */
const scope = fc
  .record({
    context: fc.constantFrom('patient', 'user', 'system'),
    type: fc.constantFrom('*', 'Observation', 'Condition'),
    letters: fc.oneof(
      fc.subarray([...OPS], { minLength: 1 }).map((ops) => ops.join('')),
      fc.constantFrom('read', 'write', '*'),
    ),
    query: fc.array(
      fc.tuple(
        fc.constantFrom('category', '_tag'),
        fc.subarray(['a', 's|a', '|a', 's|', 'b'], { minLength: 1 }),
      ),
      { maxLength: 2 },
    ),
  })
  .map(({ context, type, letters, query }) => {
    const granular = /^[cruds]+$/.test(letters) ? query : [];
    const search = granular.map(([name, values]) => `${name}=${values.join(',')}`).join('&');
    return `${context}/${type}.${letters}${search && `?${search}`}`;
  });
const list = fc.array(scope, { maxLength: 4 }).map((all) => scopesOf(all.join(' ')));

/** What somebody tries: an operation on a resource with tags and categories. */
const attempt = fc.record({
  context: fc.constantFrom('patient', 'user', 'system'),
  type: fc.constantFrom('Observation', 'Condition'),
  op: fc.constantFrom(...OPS),
  tokens: fc.record({
    category: fc.subarray(['s|a', '|a', 't|a', 's|b', '|b']),
    _tag: fc.subarray(['s|a', '|a', 't|b']),
  }),
});
type Attempt = typeof attempt extends fc.Arbitrary<infer A> ? A : never;

/** R4 3.1.1.4.10 in small. */
function fits(tokens: readonly string[], value: string): boolean {
  return value.split(',').some((one) =>
    tokens.some((token) => {
      if (!one.includes('|')) return token.split('|')[1] === one;
      return one.endsWith('|') ? token.startsWith(one) : token === one;
    }),
  );
}

const allows = (scopes: readonly ResourceScope[], one: Attempt): boolean =>
  scopes.some(
    (each) =>
      each.context === one.context &&
      (each.type === '*' || each.type === one.type) &&
      each.ops.has(one.op) &&
      each.query.every(([name, value]) => fits(one.tokens[name as keyof Attempt['tokens']], value)),
  );

group('scopes of any kind', () => {
  const runs = { numRuns: 3000 };

  it('allow after a narrowing exactly what both lists allow', () => {
    const property = fc.property(list, list, attempt, (asked, allowed, one) => {
      const both = allows(asked, one) && allows(allowed, one);
      expect(allows(narrow(asked, allowed), one)).toBe(both);
    });
    fc.assert(property, runs);
  });

  it('are narrower than both lists after a narrowing', () => {
    const property = fc.property(list, list, (asked, allowed) => {
      const given = narrow(asked, allowed);
      expect(isNarrower(given, asked) && isNarrower(given, allowed)).toBe(true);
    });
    fc.assert(property, runs);
  });

  it('allow nothing new where they are narrower', () => {
    const property = fc.property(list, list, attempt, (asked, granted, one) => {
      if (!isNarrower(asked, granted)) return;
      expect(allows(asked, one) && !allows(granted, one)).toBe(false);
    });
    fc.assert(property, runs);
  });

  it('mean the same when they are written and read again', () => {
    const property = fc.property(list, list, (asked, allowed) => {
      const scopes = narrow(asked, allowed);
      const identity = { openid: true, fhirUser: false, offline: true, online: false };
      const text = printScopes({ scopes, launch: ['launch'], identity });
      expect(parseScopes(text)).toEqual({ scopes, launch: ['launch'], identity, refused: [] });
    });
    fc.assert(property, runs);
  });

  it('are read without fail from any text, and never wider than it says', () => {
    const near = fc.array(
      fc.constantFrom(
        'patient',
        '/',
        '*',
        'Observation',
        '.',
        'rs',
        'read',
        '?',
        'category=',
        'a',
        '%7C',
        ' ',
      ),
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      near.map((parts) => parts.join('')),
    );
    const property = fc.property(text, (any) => {
      const { scopes, launch, refused } = parseScopes(any);
      for (const one of [...scopes.map((each) => each.text), ...launch, ...refused]) {
        expect(any.split(' ')).toContain(one);
      }
      for (const one of scopes) expect(one.text).toMatch(/^(patient|user|system)\/(\*|[A-Z])/);
    });
    fc.assert(property, runs);
  });
});

group('grantable()', () => {
  const why = grantable(definitions);
  it.each([
    ['patient/Observation.rs', undefined],
    ['patient/Condition.rs?category=http://hl7.org/x|encounter-diagnosis', undefined],
    ['patient/Condition.rs?clinical-status=active', undefined],
    ['patient/Encounter.rs?class=AMB', undefined],
    ['patient/*.rs?_tag=x|y', undefined],
    ['patient/Observatoin.rs', 'no resource type'],
    ['patient/Resource.rs', 'no resource type'],
    ['patient/Patient.rs?category=x', 'has no parameter "category"'],
    ['patient/ClaimResponse.rs?type=x', 'has no parameter "type"'],
    ['patient/*.rs?category=laboratory', 'Not every type'],
    ['patient/Observation.rs?category=a|b|c', 'more than one'],
    ['patient/Observation.rs?category=|', 'means nothing'],
  ])('%s: %s', (text, reason) => {
    const scope = parseScope(text);
    if (!scope) throw new Error('not a scope');
    const said = why(scope);
    if (reason === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(reason);
  });
});

group('describe()', () => {
  it.each([
    ['patient/Observation.rs', 'read and search measurements and test results of this patient'],
    [
      'patient/Observation.rs?category=http://x.org|vital-signs',
      'read and search measurements and test results of this patient (only category: vital signs)',
    ],
    [
      'user/*.cruds',
      'read, search, add, change and delete everything of all that you may see yourself, ' +
        'kinds of data that come later included',
    ],
    ['system/Substance.c', 'add “Substance” entries of all patients'],
  ])('%s: %s', (text, words) => {
    const parsed = parseScope(text);
    if (!parsed) throw new Error('not a scope');
    expect(describe(parsed)).toBe(words);
  });

  it('warns that access goes on', () => {
    expect(describe('offline_access')).toMatch(/keep this access/);
    expect(describe('launch/questionnaire')).toMatch(/launch\/questionnaire/);
  });
});
