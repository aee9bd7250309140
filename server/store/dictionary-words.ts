import type { Extracted, Unit } from '../fhir/extract.ts';
import { MAX_STRING } from '../fhir/extract-shape.ts';
import { presenceWord, textWord, tokenTextKey } from '../fhir/terms.ts';
import type { Context } from './context.ts';

/** A shared word that a dictionary holds in full; `h` is what the index holds of it. */
export type Word = UnitWord | PresenceWord | TextWord;

export interface UnitWord extends Required<Unit> {
  kind: 'unit';
  h: bigint;
}

/** The exact set of parameters that a resource of the type has values for. */
export interface PresenceWord {
  kind: 'presence';
  h: bigint;
  type: number;
  /** Sorted. */
  codes: readonly string[];
}

/** A token's text or a uri, under the hash of its key. */
export interface TextWord {
  kind: 'text';
  h: bigint;
  k: bigint;
  v: string;
  /** A token's text, not a uri: its words count. */
  isProse: boolean;
}

export function unitWord({ hasher }: Context, found: Unit): UnitWord {
  const { system = '', code = '', unit = '' } = found;
  return { kind: 'unit', h: hasher.word(`unit|${system}|${code}|${unit}`), system, code, unit };
}

const TOKEN_TEXT = tokenTextKey('');
const isTokenText = (key: string): boolean => key.endsWith(TOKEN_TEXT);

/** The words in `search.tok` of a resource that a dictionary holds. */
export function dictionaryWords(context: Context, type: string, found: Extracted): Word[] {
  const { hasher } = context;
  const codes = found.present;
  const h = hasher.word(presenceWord(type, codes));
  // The empty set too: what has none of the parameters is found by the sets without them.
  const words: Word[] = [{ kind: 'presence', h, type: context.typeNumber(type), codes }];
  for (const { key, value } of found.texts) {
    const v = value.length > MAX_STRING ? value.slice(0, MAX_STRING) : value;
    const h = hasher.word(textWord(key, value));
    words.push({ kind: 'text', h, k: hasher.word(key), v, isProse: isTokenText(key) });
  }
  return words;
}
