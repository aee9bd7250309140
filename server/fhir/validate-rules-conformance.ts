import type { JsonObject } from './types.ts';
import {
  atMostOne,
  child,
  distinct,
  each,
  excludes,
  exists,
  type Invariant,
  list,
  needs,
  notAll,
  one,
  type Rules,
  some,
  text,
  texts,
  unless,
  when,
} from './validate-rules.ts';

/** Invariants of the definitional resources, StructureDefinition aside (validate-rules-structure.ts). */

const distinctBy = (name: string, key: (item: JsonObject) => string | undefined): Invariant => {
  return (it) => distinct(list(it, name).map(key));
};

/** Values of a member in the whole tree below an item's `name`. */
function deep(it: JsonObject, name: string, member: string, into: string[] = []): string[] {
  for (const item of list(it, name)) {
    const value = text(item, member);
    if (value !== undefined) into.push(value);
    deep(item, name, member, into);
  }
  return into;
}

const capability: Rules = {
  'cpb-1': some('rest', 'messaging', 'document'),
  'cpb-2': some('description', 'software', 'implementation'),
  'cpb-3': unless(
    'kind',
    ['instance'],
    each('messaging', (it) => it.endpoint === undefined),
  ),
  'cpb-7': distinctBy('document', (it) => `${text(it, 'profile')} ${text(it, 'mode')}`),
  'cpb-9': distinctBy('resource', (it) => text(it, 'type')),
  'cpb-12': distinctBy('searchParam', (it) => text(it, 'name')),
  'cpb-14': when('kind', ['instance'], some('implementation')),
  'cpb-15': when('kind', ['capability'], (it) => {
    return it.implementation === undefined && it.software !== undefined;
  }),
  'cpb-16': when('kind', ['requirements'], (it) => {
    return it.implementation === undefined && it.software === undefined;
  }),
  'tcp-1': (it) => {
    const versions = list(it, 'version');
    return versions.length < 2 || versions.every((version) => version.code !== undefined);
  },
  'tcp-2': some('description', 'software', 'implementation'),
  'tcp-3': when('kind', ['instance'], some('implementation')),
  'tcp-4': when('kind', ['capability'], (it) => {
    return it.implementation === undefined && it.software !== undefined;
  }),
  'tcp-5': when('kind', ['requirements'], (it) => {
    return it.implementation === undefined && it.software === undefined;
  }),
};

const PLAIN = ['boolean', 'decimal', 'integer', 'string', 'text', 'url', 'open-choice'];
const CHOOSABLE = [
  ...['choice', 'open-choice', 'decimal', 'integer', 'date', 'dateTime', 'time', 'string'],
  'quantity',
];

const questionnaire: Rules = {
  'que-1': (it) => {
    if (it.type === 'group') return it.item !== undefined;
    return it.type !== 'display' || it.item === undefined;
  },
  'que-2': (it) => distinct(deep(it, 'item', 'linkId')),
  'que-3': when('type', ['display'], (it) => it.code === undefined),
  'que-4': notAll('answerOption', 'answerValueSet'),
  'que-5': unless('type', CHOOSABLE, (it) => !some('answerValueSet', 'answerOption')(it, no)),
  'que-6': when('type', ['display'], (it) => !some('required', 'repeats')(it, no)),
  'que-7': when('operator', ['exists'], (it) => it.answerBoolean !== undefined),
  'que-8': when('type', ['group', 'display'], (it) => it.initial === undefined),
  'que-9': when('type', ['display'], (it) => !exists('readOnly')(it)),
  'que-10': unless('type', PLAIN, (it) => !exists('maxLength')(it)),
  'que-11': notAll('answerOption', 'initial'),
  'que-12': (it) => list(it, 'enableWhen').length <= 1 || exists('enableBehavior')(it),
  'que-13': (it) => it.repeats === true || list(it, 'initial').length <= 1,
};

/** For rules inside rules that look at nothing but the element. */
const no = { resource: {} };

const terminology: Rules = {
  'cmd-1': (it) =>
    exists('comment')(it) || !/^(narrower|inexact)$/.test(text(it, 'equivalence') ?? ''),
  'cmd-2': when('mode', ['fixed'], some('code')),
  'cmd-3': when('mode', ['other-map'], some('url')),
  'csd-1': (it) => distinct(deep(it, 'concept', 'code')),
  'vsd-1': some('valueSet', 'system'),
  'vsd-2': (it, at) => needs('concept', 'system')(it, at) && needs('filter', 'system')(it, at),
  'vsd-3': notAll('concept', 'filter'),
  'vsd-6': some('code', 'display'),
  'vsd-9': (it) => exists('code')(it) || it.abstract === true,
  'vsd-10': needs('code', 'system'),
};

const ASSERTIONS = [
  ...['contentType', 'expression', 'headerField', 'minimumId', 'navigationLinks', 'path'],
  ...['requestMethod', 'resource', 'responseCode', 'response', 'validateProfileId'],
];
const oneAssertion = atMostOne(...ASSERTIONS);
const assertion: Invariant = (it, at) => it.extension !== undefined || oneAssertion(it, at);
const GLOBAL = ['capabilities', 'search', 'transaction', 'history'];
const target: Invariant = (it, at) =>
  exists('sourceId')(it) ||
  one('targetId', 'url', 'params')(it, at) ||
  GLOBAL.includes(text(child(it, 'type'), 'code') ?? '');
const compared: Invariant = (it, at) =>
  exists('compareToSourceId')(it) ===
  some('compareToSourceExpression', 'compareToSourcePath')(it, at);
const directed: Invariant = when('direction', ['request'], (it, at) => {
  return !some('response', 'responseCode')(it, at);
});
const action = one('operation', 'assert');

const testing: Rules = {
  'inv-2': action,
  'TestReport.setup.action/inv-1': action,
  'tst-1': action,
  'tst-2': action,
  'tst-3': notAll('expression', 'headerField', 'path'),
  'tst-4': (it) =>
    list(it, 'capability').some((one) => exists('required')(one) || exists('validated')(one)),
  'tst-5': assertion,
  'tst-6': assertion,
  'tst-7': target,
  'tst-8': target,
  'tst-9': target,
  'tst-10': compared,
  'tst-11': compared,
  'tst-12': directed,
  'tst-13': directed,
};

export const conformanceRules: Rules = {
  'ig-1': (it) => {
    const groups = new Set(list(it, 'grouping').map((group) => group.id));
    return list(it, 'resource').every((one) => {
      return one.groupingId === undefined || groups.has(one.groupingId);
    });
  },
  'ig-2': (it) => {
    const known = texts(it, 'fhirVersion');
    const used = list(child(it, 'definition'), 'resource').flatMap((one) =>
      texts(one, 'fhirVersion'),
    );
    return used.every((version) => known.includes(version));
  },
  'md-1': (it) => {
    const max = text(it, 'max') ?? '*';
    return max === '*' || Number(max) > 0;
  },
  'mea-1': each(
    'group',
    each('stratifier', (it, at) => {
      return some('code', 'description', 'criteria')(it, at) !== exists('component')(it);
    }),
  ),
  'mrp-1': when('type', ['data-collection'], (it) => it.group === undefined),
  'mrp-2': each('group', each('stratifier', each('stratum', one('value', 'component')))),
  'nsd-1': when(
    'kind',
    ['root'],
    each('uniqueId', (it) => it.type !== 'uuid'),
  ),
  'nsd-2': (it) => {
    const preferred = list(it, 'uniqueId').filter((one) => one.preferred === true);
    return distinct(preferred.map((one) => text(one, 'type')));
  },
  'opd-1': some('type', 'part'),
  'opd-2': (it) => !exists('searchType')(it) || it.type === 'string',
  'opd-3': (it) =>
    !exists('targetProfile')(it) || /^(Reference|canonical)$/.test(text(it, 'type') ?? ''),
  'smp-1': needs('element', 'context'),
  'smp-2': needs('context', 'contextType'),
  'spd-1': needs('xpath', 'xpathUsage'),
  'spd-2': unless('type', ['reference'], excludes('chain', 'chain')),
  ...capability,
  ...questionnaire,
  ...terminology,
  ...testing,
};
