import type { JsonObject } from './types.ts';
import {
  atMostOne,
  child,
  distinct,
  each,
  excludes,
  exists,
  hasCoding,
  type Invariant,
  inOrder,
  list,
  needs,
  notAll,
  number,
  one,
  type Rules,
  some,
  text,
  unless,
  when,
} from './validate-rules.ts';

/** Invariants of the clinical, administrative and financial resources, and of Bundle and Parameters. */

const SYSTEM = 'http://terminology.hl7.org/CodeSystem';
const ERROR = ['entered-in-error'];
const UCUM = 'http://unitsofmeasure.org';

const allergyInError: Invariant = (it) =>
  hasCoding(child(it, 'verificationStatus'), `${SYSTEM}/allergyintolerance-verification`, ERROR);
const conditionInError: Invariant = (it) =>
  hasCoding(child(it, 'verificationStatus'), `${SYSTEM}/condition-ver-status`, ERROR);
const hasClinicalStatus = exists('clinicalStatus');
const hasAbatement = exists('abatement[x]');
const ENDED = ['resolved', 'remission', 'inactive'];

const notHome: Invariant = (it) => it.use !== 'home';

/** obs-7 compares whole Codings; the members that R4 gives a Coding. */
const codingKey = (coding: JsonObject): string =>
  JSON.stringify(['system', 'version', 'code', 'display', 'userSelected'].map((k) => coding[k]));

const hasValue = exists('value[x]');

const observation: Rules = {
  'obs-3': some('low', 'high', 'text'),
  'obs-6': excludes('dataAbsentReason', 'value[x]'),
  'obs-7': (it) => {
    if (it.component === undefined || !hasValue(it)) return true;
    const own = new Set(list(child(it, 'code'), 'coding').map(codingKey));
    return !list(it, 'component').some((component) =>
      list(child(component, 'code'), 'coding').some((coding) => own.has(codingKey(coding))),
    );
  },
};

const percent = (quantity: JsonObject): boolean =>
  quantity.code === '%' && quantity.system === UCUM;

/** Every entry has the child exactly where the bundle's type asks for it. */
const entriesHave = (name: string, types: readonly string[]): Invariant => {
  const given = exists(name);
  return (it) => {
    const type = text(it, 'type');
    if (type === undefined) return true;
    const wanted = types.includes(type);
    return list(it, 'entry').every((entry) => given(entry) === wanted);
  };
};

const firstIs =
  (type: string): Invariant =>
  (it) =>
    child(list(it, 'entry')[0] ?? {}, 'resource').resourceType === type;

function fullUrlKey(entry: JsonObject): string | undefined {
  const url = text(entry, 'fullUrl');
  const meta = child(child(entry, 'resource'), 'meta');
  return url && `${url} ${text(meta, 'versionId') ?? ''}`;
}

const bundle: Rules = {
  'bdl-1': unless('type', ['searchset', 'history'], (it) => !exists('total')(it)),
  'bdl-2': unless(
    'type',
    ['searchset'],
    each('entry', (it) => !exists('search')(it)),
  ),
  'bdl-3': entriesHave('request', ['batch', 'transaction', 'history']),
  'bdl-4': entriesHave('response', ['batch-response', 'transaction-response', 'history']),
  'bdl-5': some('resource', 'request', 'response'),
  'bdl-7': unless('type', ['history'], (it) => distinct(list(it, 'entry').map(fullUrlKey))),
  'bdl-8': (it) => !text(it, 'fullUrl')?.includes('/_history/'),
  'bdl-9': when('type', ['document'], (it) => {
    const identifier = child(it, 'identifier');
    return identifier.system !== undefined && identifier.value !== undefined;
  }),
  'bdl-10': when('type', ['document'], (it) => it.timestamp !== undefined),
  'bdl-11': when('type', ['document'], firstIs('Composition')),
  'bdl-12': when('type', ['message'], firstIs('MessageHeader')),
};

const medication: Rules = {
  'mad-1': some('dose', 'rate[x]'),
  'mdd-1': (it) => inOrder(it.whenPrepared, it.whenHandedOver),
};

const administration: Rules = {
  'app-1': some('type', 'actor'),
  'app-2': (it) => exists('start')(it) === exists('end')(it),
  'app-3': unless('status', ['proposed', 'cancelled', 'waitlist'], (it) => {
    return exists('start')(it) && exists('end')(it);
  }),
  'app-4': (it) =>
    !exists('cancelationReason')(it) || /^(no-show|cancelled)$/.test(text(it, 'status') ?? ''),
  'apr-1': some('participantType', 'actor'),
  'ces-1': one('category', 'productOrService'),
  'grp-1': (it) => it.member === undefined || it.actual === true,
  'ipn-1': some('identifier', 'name'),
  'lnk-1': (it) => !Array.isArray(it.item) || it.item.length > 1,
  'org-1': some('identifier', 'name'),
  'org-2': notHome,
  'org-3': notHome,
  'pat-1': some('name', 'telecom', 'address', 'organization'),
  'ppc-1': some('policy', 'policyRule'),
  'sev-1': atMostOne('name', 'query'),
};

export const clinicalRules: Rules = {
  'ait-1': (it, at) => allergyInError(it, at) || hasClinicalStatus(it),
  'ait-2': (it, at) => !allergyInError(it, at) || !hasClinicalStatus(it),
  'cmp-1': some('text', 'entry', 'section'),
  'cmp-2': notAll('emptyReason', 'entry'),
  'con-1': some('summary', 'assessment'),
  'con-2': some('code', 'detail'),
  'con-4': (it) =>
    !hasAbatement(it) ||
    hasCoding(child(it, 'clinicalStatus'), `${SYSTEM}/condition-clinical`, ENDED),
  'con-5': (it, at) => !conditionInError(it, at) || !hasClinicalStatus(it),
  'cpl-3': atMostOne('detail', 'reference'),
  'fhs-1': atMostOne('age[x]', 'born[x]'),
  'fhs-2': needs('estimatedAge', 'age[x]'),
  'gol-1': needs('detail[x]', 'measure'),
  'imm-1': some('documentType', 'reference'),
  'imr-1': some('vaccineCode', 'targetDisease'),
  'lst-1': notAll('emptyReason', 'entry'),
  'lst-2': unless(
    'mode',
    ['changes'],
    each('entry', (it) => it.deleted === undefined),
  ),
  'lst-3': unless(
    'mode',
    ['working'],
    each('entry', (it) => it.date === undefined),
  ),
  'msq-3': (it) => it.coordinateSystem === 1 || it.coordinateSystem === 0,
  'msq-5': (it) => exists('chromosome')(it) === exists('genomeBuild')(it),
  'msq-6': one('genomeBuild', 'referenceSeqId', 'referenceSeqPointer', 'referenceSeqString'),
  'prr-1': needs('orderDetail', 'code'),
  'qrs-1': notAll('answer', 'item'),
  'ras-1': (it) =>
    [it.low, it.high].every((end) => end === undefined || percent((end ?? {}) as JsonObject)),
  'ras-2': (it) => !(number(it.probabilityDecimal) > 100),
  'rqg-1': one('resource', 'action'),
  'Parameters.parameter/inv-1': one('value[x]', 'resource', 'part'),
  'Task/inv-1': (it) => inOrder(it.authoredOn, it.lastModified),
  ...observation,
  ...bundle,
  ...medication,
  ...administration,
};
