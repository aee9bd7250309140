import { FhirError } from '../fhir/error.ts';
import { isObject } from '../fhir/json.ts';
import { isId } from '../fhir/reference.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import type { StateKey } from './state-rights.ts';

/** What app state has to be like (SMART App Launch 2.2, "App State", its profile on Basic). */

const SUBJECTS = ['Patient', 'Practitioner', 'PractitionerRole', 'RelatedPerson', 'Person'];
const ELEMENTS = ['resourceType', 'id', 'meta', 'code', 'subject', 'extension'];

const fault = (path: string, text: string): FhirError =>
  new FhirError('unprocessable', [
    {
      ...{ severity: 'error', code: 'invalid', expression: path },
      diagnostics: `${path} ${text}.`,
    },
  ]);

/**
 * What the state is about, of a Basic that can be kept as it is.
 * @param id that of the address; undefined where the state is new
 * @throws FhirError unprocessable
 */
export function keyOf(basic: JsonObject, { id, base }: { id?: string; base: string }): StateKey {
  if (basic['resourceType'] !== 'Basic') throw fault('Basic', 'is what app state is kept as');
  const other = Object.keys(basic).find((name) => !ELEMENTS.includes(name));
  if (other !== undefined) {
    throw fault(`Basic.${other.slice(0, 50)}`, `is not kept: send ${ELEMENTS.join(', ')}`);
  }
  checkId(basic, id);
  checkExtensions(basic['extension']);
  return { ...codeIn(basic['code']), subject: subjectIn(basic['subject'], base) };
}

function checkId({ id, meta }: JsonObject, wanted: string | undefined): void {
  if (wanted !== undefined && id !== wanted) throw fault('Basic.id', 'is not that of the address');
  if (wanted === undefined && id !== undefined) throw fault('Basic.id', 'is given by the server');
  if (meta !== undefined && !isObject(meta)) throw fault('Basic.meta', 'is no object');
  if (wanted === undefined && meta?.['versionId'] !== undefined) {
    throw fault('Basic.meta.versionId', 'is given by the server');
  }
}

function checkExtensions(list: JsonValue | undefined): void {
  if (list === undefined) return;
  if (!Array.isArray(list)) throw fault('Basic.extension', 'is no list');
  for (const [at, one] of list.entries()) {
    const names = isObject(one) ? Object.keys(one).sort().join() : '';
    const texts = isObject(one) && [one['url'], one['valueString']].every(isText);
    if (names === 'url,valueString' && texts) continue;
    throw fault(`Basic.extension[${at}]`, 'is not just a url with a valueString');
  }
}

const isText = (value: JsonValue | undefined): boolean => typeof value === 'string' && value !== '';

/** The server keeps codes and compares them: NUL has no place in its tables. */
const CODE = /^[^\s\p{Cc}|,\\]{1,500}$/u;

function codeIn(concept: JsonValue | undefined): { system: string; code: string } {
  const codings = isObject(concept) ? concept['coding'] : undefined;
  const [coding] = Array.isArray(codings) && codings.length === 1 ? codings : [];
  const { system, code } = isObject(coding) ? coding : {};
  const isSound = [system, code].every((one) => typeof one === 'string' && CODE.test(one));
  if (isSound) return { system: String(system), code: String(code) };
  throw fault('Basic.code.coding', 'is not exactly one, with a system and a code');
}

function subjectIn(subject: JsonValue | undefined, base: string): string {
  if (subject === undefined) return '';
  const reference = isObject(subject) ? subject['reference'] : undefined;
  const found = subjectOf(reference, base);
  if (found !== undefined) return found;
  throw fault('Basic.subject.reference', `is not ${base}/ with one of ${SUBJECTS.join(', ')}`);
}

/** `Patient/1` of an absolute reference to somebody on this server; undefined of others. */
export function subjectOf(reference: JsonValue | undefined, base: string): string | undefined {
  if (typeof reference !== 'string' || !reference.startsWith(`${base}/`)) return undefined;
  const relative = reference.slice(base.length + 1);
  const [type = '', id = '', ...more] = relative.split('/');
  return SUBJECTS.includes(type) && isId(id) && more.length === 0 ? relative : undefined;
}

/** What a search asks for: `code=system|code`, and `subject` or `subject:missing=true`. */
export function searchedKey(query: ReadonlyMap<string, string>, base: string): StateKey {
  const known = ['code', 'subject', 'subject:missing', '_format'];
  const other = [...query.keys()].find((name) => !known.includes(name));
  if (other !== undefined) throw wrong(`${other.slice(0, 50)} cannot be searched by`);
  const [system = '', code = '', ...more] = (query.get('code') ?? '').split('|');
  if (!CODE.test(system) || !CODE.test(code) || more.length > 0) {
    throw wrong('code is not one system|code');
  }
  const [text, missing] = [query.get('subject'), query.get('subject:missing')];
  if (text === undefined && missing === 'true') return { system, code, subject: '' };
  const subject = subjectOf(text, base);
  if (missing !== undefined || subject === undefined) {
    throw wrong(
      `subject is not ${base}/ with one of ${SUBJECTS.join(', ')}, or subject:missing=true`,
    );
  }
  return { system, code, subject };
}

const wrong = (text: string): FhirError =>
  new FhirError(
    'invalid',
    `${text}. Search by code and subject, or by code and subject:missing=true.`,
  );
