/**
 * The part of FHIRPath (N1, 2.0.0) that search parameters are written in, as a tree. What lies
 * outside is refused, and the caller falls back to fhirpath.js.
 */

export type PathNode =
  | { kind: 'this' }
  | { kind: 'resource' }
  | { kind: 'literal'; value: string | number | boolean }
  | { kind: 'member'; of: PathNode; name: string }
  | { kind: 'call'; of: PathNode; name: string; args: PathNode[] }
  | { kind: 'index'; of: PathNode; at: number }
  | { kind: 'cast'; op: 'as' | 'is'; of: PathNode; type: string }
  | { kind: 'binary'; op: '|' | '=' | '!=' | 'and' | 'or'; left: PathNode; right: PathNode };

/** The expression is valid, perhaps, but outside of what is compiled here. */
export class Refused extends Error {}

const THIS: PathNode = { kind: 'this' };
const TOKEN =
  /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|`([^`\\]+)`|(%resource|\$this)|(!=|[()[\].,|=]))/y;

type Token = { kind: 'string' | 'number' | 'name' | 'variable' | 'symbol'; text: string };

function toToken([, string, number, name, quoted, variable, symbol]: RegExpExecArray): Token {
  if (string !== undefined) return { kind: 'string', text: unquoted(string.slice(1, -1)) };
  if (number !== undefined) return { kind: 'number', text: number };
  if (variable !== undefined) return { kind: 'variable', text: variable };
  if (symbol !== undefined) return { kind: 'symbol', text: symbol };
  return { kind: 'name', text: name ?? quoted ?? '' };
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f' };

function unquoted(text: string): string {
  if (text.includes('\\u')) throw new Refused('unicode escape');
  return text.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char);
}

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  const end = expression.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (!match) throw new Refused(`not compiled from character ${at}`);
    tokens.push(toToken(match));
  }
  return tokens;
}

/** Binary operators from the loosest to the tightest (FHIRPath 6.8); `is` and `as` bind tighter. */
const LEVELS: readonly (readonly string[])[] = [['or'], ['and'], ['=', '!='], ['|']];

class Parser {
  private readonly tokens: Token[];
  private at = 0;

  constructor(tokens: Token[]) {
    this.tokens = tokens;
  }

  parse(): PathNode {
    const node = this.binary(0);
    if (this.at < this.tokens.length) throw new Refused(`unexpected ${this.tokens[this.at]?.text}`);
    return node;
  }

  private accept(text: string): boolean {
    const token = this.tokens[this.at];
    if (!token || token.kind === 'string' || token.text !== text) return false;
    this.at += 1;
    return true;
  }

  private expect(text: string): void {
    if (!this.accept(text)) throw new Refused(`expected ${text}`);
  }

  private name(): string {
    const token = this.tokens[this.at++];
    if (token?.kind !== 'name') throw new Refused('expected a name');
    return token.text;
  }

  private binary(level: number): PathNode {
    const operators = LEVELS[level];
    if (!operators) return this.cast();
    let left = this.binary(level + 1);
    for (;;) {
      const op = operators.find((one) => this.accept(one));
      if (!op) return left;
      left = { kind: 'binary', op: op as '|', left, right: this.binary(level + 1) };
    }
  }

  private cast(): PathNode {
    let node = this.path();
    for (;;) {
      const op = this.accept('as') ? 'as' : this.accept('is') ? 'is' : undefined;
      if (!op) return node;
      const first = this.name();
      node = { kind: 'cast', op, of: node, type: this.accept('.') ? this.name() : first };
    }
  }

  private path(): PathNode {
    let node = this.term();
    for (;;) {
      if (this.accept('.')) node = this.step(node, this.name());
      else if (this.accept('[')) node = { kind: 'index', of: node, at: this.index() };
      else return node;
    }
  }

  private index(): number {
    const token = this.tokens[this.at++];
    this.expect(']');
    if (token?.kind !== 'number') throw new Refused('computed index');
    return Number(token.text);
  }

  private step(of: PathNode, name: string): PathNode {
    if (!this.accept('(')) return { kind: 'member', of, name };
    const args: PathNode[] = [];
    if (!this.accept(')')) {
      do args.push(this.binary(0));
      while (this.accept(','));
      this.expect(')');
    }
    return { kind: 'call', of, name, args };
  }

  private term(): PathNode {
    const token = this.tokens[this.at++];
    if (token?.kind === 'string') return { kind: 'literal', value: token.text };
    if (token?.kind === 'number') return { kind: 'literal', value: Number(token.text) };
    if (token?.kind === 'variable') return token.text === '$this' ? THIS : { kind: 'resource' };
    if (token?.kind === 'name') {
      if (token.text === 'true' || token.text === 'false') {
        return { kind: 'literal', value: token.text === 'true' };
      }
      return this.step(THIS, token.text);
    }
    if (token?.text !== '(') throw new Refused(`unexpected ${token?.text ?? 'end'}`);
    const inner = this.binary(0);
    this.expect(')');
    return inner;
  }
}

/** Parses an expression; throws `Refused` where it is not of the compiled part of FHIRPath. */
export function parsePath(expression: string): PathNode {
  return new Parser(tokenize(expression)).parse();
}

/** The type that an argument such as `Quantity` or `FHIR.Quantity` names. */
export function typeArgument(args: readonly PathNode[]): string {
  const [node] = args;
  if (args.length !== 1 || node?.kind !== 'member') throw new Refused('expected a type');
  return node.name;
}
