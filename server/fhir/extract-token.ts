import type { Extracted, Sink, SinkScope } from './extract-shape.ts';
import { indexedText } from './extract-string.ts';
import { ofTypeTerm, tokenAny, tokenTerms, tokenTextKey, uriTerm, uriTextKey } from './terms.ts';

/** Words and texts of token and uri parameters (R4 3.1.1.4.10, 3.1.1.4.9). */

interface CodingLike {
  system?: unknown;
  code?: unknown;
  display?: unknown;
}

interface ConceptLike {
  coding?: unknown;
  text?: unknown;
}

interface IdentifierLike {
  system?: unknown;
  value?: unknown;
  type?: ConceptLike;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

function addTerms(out: string[], key: string, system: unknown, code: unknown): void {
  for (const term of tokenTerms(key, text(system), text(code))) out.push(term);
}

type AddText = (out: Extracted, text: unknown) => void;

/** Inside a composite (which gives no key) only exact words meet: nothing else is filed there. */
const isComponent = ({ key }: SinkScope): boolean => key === '';

/** Files a text for `:text`. */
function textAdder(scope: SinkScope): AddText {
  if (isComponent(scope)) return () => undefined;
  const key = tokenTextKey(scope.key);
  return (out, text) => {
    if (typeof text !== 'string') return;
    const value = indexedText(text);
    if (value !== '') out.texts.push({ key, value });
  };
}

const codingsOf = (concept: ConceptLike | undefined): CodingLike[] =>
  Array.isArray(concept?.coding) ? concept.coding.filter((one) => one) : [];

function conceptSink(scope: SinkScope): Sink {
  const { key } = scope;
  const addText = textAdder(scope);
  return (value, out) => {
    const concept = value as ConceptLike;
    for (const { system, code, display } of codingsOf(concept)) {
      addTerms(out.tokens, key, system, code);
      if (display !== concept.text) addText(out, display);
    }
    addText(out, concept.text);
  };
}

function identifierSink(scope: SinkScope): Sink {
  const { key } = scope;
  const addText = textAdder(scope);
  const typed = !isComponent(scope);
  return (found, out) => {
    const { system, value, type } = found as IdentifierLike;
    addTerms(out.tokens, key, system, value);
    if (!type || !typed) return;
    addText(out, type.text);
    for (const coding of codingsOf(type)) addOfType(out.tokens, key, coding, value);
  };
}

function addOfType(out: string[], key: string, coding: CodingLike, value: unknown): void {
  const code = text(coding.code);
  if (code === undefined || typeof value !== 'string') return;
  out.push(ofTypeTerm(key, text(coding.system) ?? '', code, value));
}

function codeSink({ key, codes }: SinkScope): Sink {
  // The codes of a closed set are few: their words are made once.
  const known = new Map<unknown, string[]>();
  const systems = codes ? [...codes] : [];
  for (const [system, set] of systems) {
    for (const code of set) {
      const words = known.get(code) ?? tokenTerms(key, undefined, code);
      words.push(...tokenTerms(key, system, code).filter((word) => !words.includes(word)));
      known.set(code, words);
    }
  }
  return (value, out) => {
    const words = known.get(value);
    if (!words) return addTerms(out.tokens, key, undefined, value);
    for (const word of words) out.tokens.push(word);
  };
}

const makers: Record<string, (scope: SinkScope) => Sink> = {
  Coding: (scope) => {
    const addText = textAdder(scope);
    return (value, out) => {
      const { system, code, display } = value as CodingLike;
      addTerms(out.tokens, scope.key, system, code);
      addText(out, display);
    };
  },
  CodeableConcept: conceptSink,
  Identifier: identifierSink,
  ContactPoint: ({ key }) => {
    return (found, out) => {
      const { system, value } = found as IdentifierLike;
      if (typeof value !== 'string') return;
      addTerms(out.tokens, key, undefined, value);
      if (typeof system === 'string') addTerms(out.tokens, key, system, value);
    };
  },
  boolean: ({ key }) => {
    const words = [tokenTerms(key, undefined, 'false'), tokenTerms(key, undefined, 'true')];
    return (value, out) => {
      for (const word of words[Number(value === true)] ?? []) out.tokens.push(word);
    };
  },
  code: codeSink,
};

/** Types that are filed under their text alone. */
const TEXTS = new Set('string markdown id uri url canonical oid uuid'.split(' '));

/** The sink of a token parameter for values of the FHIR type; undefined where it has no token. */
export function tokenSink(type: string, scope: SinkScope): Sink | undefined {
  const { key } = scope;
  if (scope.bare) return (value, out) => void out.tokens.push(tokenAny(key, String(value)));
  if (TEXTS.has(type)) return (value, out) => addTerms(out.tokens, key, undefined, value);
  return makers[type]?.(scope);
}

/**
 * The sink of a uri parameter: the uri as it is; a canonical with its version also without
 * (`_profile=url` finds every version). Its text, for `:below`, is the uri as it is.
 */
export function uriSink(type: string, scope: SinkScope): Sink | undefined {
  if (!TEXTS.has(type)) return undefined;
  const { key } = scope;
  const textKey = uriTextKey(key);
  return (value, out) => {
    if (typeof value !== 'string') return;
    out.tokens.push(uriTerm(key, value));
    if (!isComponent(scope)) out.texts.push({ key: textKey, value });
    const bar = type === 'canonical' ? value.indexOf('|') : -1;
    if (bar > 0) out.tokens.push(uriTerm(key, value.slice(0, bar)));
  };
}
