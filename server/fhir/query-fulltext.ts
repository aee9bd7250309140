import { MAX_STRING } from './extract-shape.ts';
import type { Term } from './query.ts';
import { anyOf, TermProblem } from './query-param.ts';

/**
 * `_text` and `_content` (R4 3.1.1.4.20): `(bone OR liver) and metastases`. AND, OR, NOT and
 * parentheses become the tree; words and "phrases" side by side stay one query of the text index.
 */

type Target = 'text' | 'content';

/** A quoted phrase, a parenthesis, or a word; a `-` before the first two says NOT. */
const TOKEN = /-?"[^"]*"|-?\(|\)|[^\s()"]+/g;

/** What stands between two of them is a look-up of its own. */
const MAX_OPERATORS = 40;

interface Reader {
  of: Target;
  tokens: string[];
  at: number;
}

/** @throws TermProblem where parentheses or operators do not fit */
export function fulltextTerm(of: Target, text: string): Term {
  if (text.length > MAX_STRING) {
    throw new TermProblem(`it is longer than ${MAX_STRING} characters; write fewer words`);
  }
  if (text.split('"').length % 2 === 0) throw new TermProblem(`a quotation mark is open: ${text}`);
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.filter(splits).length > MAX_OPERATORS) {
    throw new TermProblem(`it has more than ${MAX_OPERATORS} operators and parentheses`);
  }
  const reader: Reader = { of, tokens, at: 0 };
  const term = alternatives(reader);
  if (reader.at < reader.tokens.length) throw new TermProblem(`a ")" closes nothing: ${text}`);
  return term;
}

const isOr = (token: string): boolean => token.toUpperCase() === 'OR';
const isAnd = (token: string): boolean => token.toUpperCase() === 'AND';
/** Upper case only: "not" is a word of many a narrative. */
const isNot = (token: string): boolean => token === 'NOT';
const isOperator = (token: string): boolean => isOr(token) || isAnd(token) || isNot(token);

const splits = (token: string): boolean => /^-|[()]$/.test(token) || isOperator(token);

/** A dash or another sign that stands alone. */
const isNoise = (token: string): boolean => !/[\p{L}\p{N}()]/u.test(token);

function alternatives(reader: Reader): Term {
  const terms = [together(reader)];
  while (isOr(reader.tokens[reader.at] ?? '')) {
    reader.at++;
    terms.push(together(reader));
  }
  return anyOf(terms);
}

function together(reader: Reader): Term {
  const terms: Term[] = [];
  let words: string[] = [];
  const { tokens, of } = reader;
  const flush = () => {
    if (words.length > 0) terms.push({ kind: 'fulltext', of, query: words.join(' ') });
    words = [];
  };
  for (let token = tokens[reader.at]; token !== undefined; token = tokens[reader.at]) {
    if (token === ')' || isOr(token)) break;
    if (isNoise(token)) reader.at++;
    else if (isAnd(token)) joinNext(reader, terms.length + words.length > 0);
    else if (isWord(token)) {
      words.push(token);
      reader.at++;
    } else {
      flush();
      terms.push(factor(reader));
    }
  }
  flush();
  const [only] = terms;
  if (!only) throw new TermProblem('a word to look for is missing');
  return terms.length === 1 ? only : { kind: 'all', terms };
}

/** AND stands between two things. */
function joinNext(reader: Reader, started: boolean): void {
  const next = reader.tokens[++reader.at];
  if (!started || next === undefined || next === ')' || isOr(next) || isAnd(next)) {
    throw new TermProblem('AND joins two words, phrases or parentheses');
  }
}

const isWord = (token: string): boolean => !/^-|^\($/.test(token) && !isOperator(token);

/** What is negated or in parentheses. */
function factor(reader: Reader): Term {
  const token = reader.tokens[reader.at++] as string;
  if (isNot(token)) return negated(reader);
  if (token.endsWith('(')) return token === '(' ? inside(reader) : not(inside(reader));
  return not({ kind: 'fulltext', of: reader.of, query: token.slice(1) });
}

function negated(reader: Reader): Term {
  const next = reader.tokens[reader.at];
  if (next === undefined || next === ')' || isOperator(next)) {
    throw new TermProblem('NOT stands before a word, a phrase or a parenthesis');
  }
  if (!isWord(next)) return not(factor(reader));
  reader.at++;
  return not({ kind: 'fulltext', of: reader.of, query: next });
}

const not = (term: Term): Term => ({ kind: 'not', term });

function inside(reader: Reader): Term {
  const term = alternatives(reader);
  if (reader.tokens[reader.at++] !== ')') throw new TermProblem('a parenthesis is open');
  return term;
}
