import {
  atMostOne,
  both,
  child,
  each,
  excludes,
  exists,
  type Invariant,
  inOrder,
  needs,
  notAll,
  number,
  one,
  type Rules,
  some,
  text,
  texts,
  unless,
  when,
} from './validate-rules.ts';

/** Invariants of the data types (R4 2.24, 2.27, 2.28, 2.33). */

const UCUM = 'http://unitsofmeasure.org';
const hasValue = exists('value');
const hasCode = exists('code');
const hasSystem = exists('system');

/** "There SHALL be a code if there is a value, and the system is UCUM if there is one." */
const ucum: Invariant = (it) =>
  (hasCode(it) || !hasValue(it)) && (!hasSystem(it) || it.system === UCUM);

const notNegative =
  (name: string): Invariant =>
  (it) =>
    !(number(it[name]) < 0);

const EVENTS_WITHOUT_OFFSET = ['C', 'CM', 'CD', 'CV'];
const hasWhen = exists('when');

const slotsOfFixedElements = [
  'type',
  'defaultValue[x]',
  'fixed[x]',
  'pattern[x]',
  'example',
  'minValue[x]',
  'maxValue[x]',
  'maxLength',
  'binding',
];

const SLICE_NAME = /^[a-zA-Z0-9/\-_[\]@]+$/;
const typeCodes = (it: Parameters<Invariant>[0]): (string | undefined)[] =>
  Array.isArray(it.type) ? it.type.map((type) => text((type ?? {}) as typeof it, 'code')) : [];

const oneType: Invariant = (it) => typeCodes(it).length <= 1;
const ifGiven = (name: string, rule: Invariant): Invariant => {
  const given = exists(name);
  return (it, at) => !given(it) || rule(it, at);
};

const elementDefinition: Rules = {
  'eld-1': some('discriminator', 'description'),
  'eld-2': (it) => it.max === '*' || !(number(it.min) > Number(text(it, 'max') ?? Number.NaN)),
  'eld-4': ifGiven(
    'aggregation',
    unless('code', ['Reference', 'canonical'], () => false),
  ),
  'eld-5': excludes('contentReference', ...slotsOfFixedElements),
  'eld-6': ifGiven('fixed[x]', oneType),
  'eld-7': ifGiven('pattern[x]', oneType),
  'eld-8': atMostOne('pattern[x]', 'fixed[x]'),
  'eld-12': (it) => /^(http:|https|urn:)/.test(text(it, 'valueSet') ?? 'urn:'),
  'eld-13': (it) => {
    const codes = typeCodes(it).filter((code) => code !== undefined);
    return new Set(codes).size === codes.length;
  },
  'eld-15': atMostOne('defaultValue[x]', 'meaningWhenMissing'),
  'eld-16': (it) => SLICE_NAME.test(text(it, 'sliceName') ?? 'x'),
  'eld-17': ifGiven(
    'targetProfile',
    unless('code', ['Reference', 'canonical'], () => false),
  ),
  'eld-18': (it) => it.isModifier !== true || exists('isModifierReason')(it),
  'eld-22': needs('sliceIsConstraining', 'sliceName'),
};

const timing: Rules = {
  'tim-1': needs('duration', 'durationUnit'),
  'tim-2': needs('period', 'periodUnit'),
  'tim-4': notNegative('duration'),
  'tim-5': notNegative('period'),
  'tim-6': needs('periodMax', 'period'),
  'tim-7': needs('durationMax', 'duration'),
  'tim-8': needs('countMax', 'count'),
  'tim-9': ifGiven('offset', (it) => {
    return hasWhen(it) && !texts(it, 'when').some((code) => EVENTS_WITHOUT_OFFSET.includes(code));
  }),
  'tim-10': notAll('timeOfDay', 'when'),
};

export const typeRules: Rules = {
  'age-1': (it, at) => ucum(it, at) && !(number(it.value) <= 0),
  'att-1': needs('data', 'contentType'),
  'cnt-3': (it, at) =>
    ucum(it, at) &&
    (text(it, 'code') ?? '1') === '1' &&
    (it.value === undefined ||
      Number.isNaN(number(it.value)) ||
      Number.isInteger(number(it.value))),
  'cpt-2': needs('value', 'system'),
  'dis-1': ucum,
  'drq-1': one('path', 'searchParam'),
  'drq-2': one('path', 'searchParam'),
  'drt-1': ifGiven('code', (it) => it.system === UCUM && hasValue(it)),
  'exp-1': some('expression', 'reference'),
  'ext-1': one('extension', 'value[x]'),
  'per-1': (it) => inOrder(it.start, it.end),
  'qty-3': needs('code', 'system'),
  'rat-1': (it) => {
    const numerator = exists('numerator')(it);
    return numerator === exists('denominator')(it) && (numerator || it.extension !== undefined);
  },
  'rng-2': (it) => {
    const low = child(it, 'low');
    const high = child(it, 'high');
    if (low.code !== high.code || low.unit !== high.unit) return true;
    return !(number(low.value) > number(high.value));
  },
  'trd-1': notAll('data', 'timing[x]'),
  'trd-2': needs('condition', 'data'),
  'trd-3': both(
    when('type', ['named-event'], some('name')),
    when('type', ['periodic'], some('timing[x]')),
    (it, at) => !text(it, 'type')?.startsWith('data-') || some('data')(it, at),
  ),
  ...timing,
  ...elementDefinition,
  'eld-14': (it, at) => {
    const keys = new Set<string>();
    return each('constraint', (one) => {
      const key = text(one, 'key') ?? '';
      return !keys.has(key) && Boolean(keys.add(key));
    })(it, at);
  },
};
