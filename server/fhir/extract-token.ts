import type { Sink, SinkScope } from './extract-shape.ts';
import { tokenAny, tokenTerms, uriTerm } from './terms.ts';

/** Words of token and uri parameters (R4 3.1.1.4.10, 3.1.1.4.13). */

interface CodingLike {
  system?: unknown;
  code?: unknown;
  value?: unknown;
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;

function addTerms(out: string[], key: string, system: unknown, code: unknown): void {
  for (const term of tokenTerms(key, text(system), text(code))) out.push(term);
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
  Coding: ({ key }) => {
    return (value, out) => {
      const { system, code } = value as CodingLike;
      addTerms(out.tokens, key, system, code);
    };
  },
  CodeableConcept: ({ key }) => {
    return (value, out) => {
      const { coding } = value as { coding?: unknown };
      if (!Array.isArray(coding)) return;
      for (const one of coding as CodingLike[]) addTerms(out.tokens, key, one?.system, one?.code);
    };
  },
  Identifier: ({ key }) => {
    return (found, out) => {
      const { system, value } = found as CodingLike;
      addTerms(out.tokens, key, system, value);
    };
  },
  ContactPoint: ({ key }) => {
    return (found, out) => {
      const { system, value } = found as CodingLike;
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
 * (`_profile=url` finds every version).
 */
export function uriSink(type: string, { key }: SinkScope): Sink | undefined {
  if (!TEXTS.has(type)) return undefined;
  return (value, out) => {
    if (typeof value !== 'string') return;
    out.tokens.push(uriTerm(key, value));
    const bar = type === 'canonical' ? value.indexOf('|') : -1;
    if (bar > 0) out.tokens.push(uriTerm(key, value.slice(0, bar)));
  };
}
