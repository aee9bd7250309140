/**
 * The words of the search index: what a value is filed under, and what a query looks up. Both sides
 * must agree to the byte, so they stand side by side here. The store hashes the words (with a prefix
 * that is secret to the database); nothing else may depend on their shape.
 *
 * A parameter's key is `Type.code`, and the bare code for the parameters that every type has
 * (`_id`, `_tag`, ..), so that a search over all types is one look-up.
 */

const ANY_SYSTEM = '\u0001';
const SYSTEM_ONLY = '\u0002';
/** Stands in no system and no code, so that no two pairs make one word. */
const THEN_CODE = '\u0003';
const OF_TYPE = '\u0004';
const UCUM = 'http://unitsofmeasure.org';

export function paramKey(type: string, code: string): string {
  return code.startsWith('_') ? code : `${type}.${code}`;
}

/** R4 3.1.1.4.10: tokens match without regard to case when in doubt; UCUM codes are case-sensitive. */
const fold = (system: string | undefined, code: string): string =>
  system === UCUM ? code : code.toLowerCase();

/** `system|code`; an absent system is the empty one (`|code`). */
export function tokenExact(key: string, system: string | undefined, code: string): string {
  return `${key}|${system ?? ''}${THEN_CODE}${fold(system, code)}`;
}

/** `code` in any system. */
export function tokenAny(key: string, code: string): string {
  return `${key}${ANY_SYSTEM}${code.toLowerCase()}`;
}

/** `system|`: any code of a system. */
export function tokenSystem(key: string, system: string): string {
  return `${key}${SYSTEM_ONLY}${system}`;
}

/**
 * Everything one coding, identifier or contact point is filed under: `tokenExact` with its system,
 * `tokenAny`, and `tokenSystem` if it has a system. A contact point is `|value` and any, and beside it
 * exact and system-only with its system (`phone`). A parameter without any systems (`bareCodes`:
 * status, gender, active) is filed under `tokenAny` alone. Inside composites a `code` is `|code` and
 * any, and exact with each system that its required value set implies.
 */
export function tokenTerms(
  key: string,
  system: string | undefined,
  code: string | undefined,
): string[] {
  const terms: string[] = [];
  if (code !== undefined) terms.push(tokenExact(key, system, code), tokenAny(key, code));
  if (system) terms.push(tokenSystem(key, system));
  return terms;
}

/** Whether a word is of `tokenSystem`: composites leave those out. */
export function isSystemWord(word: string): boolean {
  return word.includes(SYSTEM_ONLY);
}

/** A uri as it is (R4 3.1.1.4.9: exact, case-sensitive). */
export function uriTerm(key: string, uri: string): string {
  return `${key}|${uri}`;
}

/** `:of-type` (R4 3.1.1.4.10): an identifier's value with one coding of its type. */
export function ofTypeTerm(key: string, system: string, code: string, value: string): string {
  const pair = `${system}${THEN_CODE}${fold(system, code)}`;
  return `${key}${OF_TYPE}${pair}${THEN_CODE}${value.toLowerCase()}`;
}

/** The exact set of parameters that a resource of the type has a value for; codes sorted. */
export function presenceWord(type: string, codes: readonly string[]): string {
  return `${type}?${codes.join('&')}`;
}

/**
 * Key of the texts of a token parameter (`:text`): CodeableConcept.text, Coding.display and
 * Identifier.type.text, folded and cut to `MAX_STRING`.
 */
export function tokenTextKey(key: string): string {
  return `${key}:text`;
}

/** Key of the uris of a uri parameter (`:below`), whose texts are the uris as they are. */
export function uriTextKey(key: string): string {
  return key;
}

/**
 * What a text is filed under beside the dictionary of texts, which finds the word by the text's
 * beginning. The word of a uri is its `uriTerm`.
 *
 * @param textKey of `tokenTextKey` or `uriTextKey`
 */
export function textWord(textKey: string, text: string): string {
  return `${textKey}|${text}`;
}

/**
 * Key of `Reference.identifier` values of a reference parameter (`:identifier`); its words are those
 * of a token parameter with this key.
 */
export function identifierKey(key: string): string {
  return `${key}:identifier`;
}

/** Salt of a reference parameter: the index holds h64(target) XOR h64(salt). */
export function referenceSalt(key: string): string {
  return `>${key}`;
}

/**
 * The key of a composite parameter: the parameter with one exact word of each of its exact components
 * (in the parameter's order), so that only values of the same element meet. The components' words:
 * - token: `tokenExact('', system, code)` or `tokenAny('', code)` (not system-only);
 * - uri: `uriTerm('', uri)`; reference: the target as in `Extracted.references`.
 * All components exact: this key itself is a token word. One component ranged (string, number,
 * quantity, date): rows of that kind under this key; the string is compared as any string. Two
 * number components (MolecularSequence windows): one number row, `lo` of the first, `hi` of the second.
 */
export function compositeKey(key: string, words: readonly string[]): string {
  return `${key}$${words.join('$')}`;
}

/**
 * A key, or a word (they begin with their key), of a contained resource: behind the key of the reference
 * of the resource around it. With a type alone: that there is a contained resource of it.
 */
export function containedWord(referenceKey: string, text: string): string {
  return `${referenceKey}>${text}`;
}

const ASCII = /^[ -~]*$/;

/** Letters whose accent or other case is no combining character: `Ø` and `O`, `Straße` and `STRASSE`. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ ß: 'ss', æ: 'ae', œ: 'oe', þ: 'th', ø: 'o', ł: 'l', đ: 'd', ð: 'd', ħ: 'h', ŧ: 't' },
  ...{ ı: 'i', ſ: 's', ς: 'σ' },
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g');

/** Strings: case, accents and runs of white space do not count (R4 3.1.1.4.8). */
export function foldString(text: string): string {
  if (ASCII.test(text)) {
    const lower = text.toLowerCase().trim();
    return lower.includes('  ') ? lower.replace(/ +/g, ' ') : lower;
  }
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .replace(/\s+/g, ' ')
    .trim();
}
