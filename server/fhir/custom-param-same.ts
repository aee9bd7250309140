import type { Definitions, SearchParamDef } from './definitions.ts';
import { isKindOf } from './fhirpath-compile.ts';
import { type PathNode, parsePath, Refused } from './fhirpath-parse.ts';

/** Whether two expressions mean the same on a resource type, however they are spelt. */
export function sameExpression(
  { types }: Definitions,
  type: string,
  a: string,
  b: string,
): boolean {
  const isOwn = (name: string): boolean => isKindOf(types, type, name);
  return canonical(a, isOwn) === canonical(b, isOwn);
}

/** Whether a parameter finds on a type what the standard's parameter of its code finds. */
export function sameMeaning(
  definitions: Definitions,
  type: string,
  param: Pick<SearchParamDef, 'type' | 'expression'>,
  standard: SearchParamDef,
): boolean {
  if (param.type !== standard.type) return false;
  // R4 publishes none for _text, _content and the like.
  if (standard.expression === '') return true;
  return sameExpression(definitions, type, param.expression, standard.expression);
}

type IsOwn = (typeName: string) => boolean;

function canonical(expression: string, isOwn: IsOwn): string {
  try {
    const branches = unionOf(parsePath(expression)).map((node) => textOf(node, isOwn));
    const own = branches.filter((text) => !/^[A-Z]\w*(\.|$)/.test(text));
    return [...new Set(own)].sort().join(' | ');
  } catch (error) {
    if (error instanceof Refused) return expression.replace(/\s+/g, ' ').trim();
    throw error;
  }
}

const unionOf = (node: PathNode): PathNode[] =>
  node.kind === 'binary' && node.op === '|'
    ? [...unionOf(node.left), ...unionOf(node.right)]
    : [node];

/** One spelling: the type in front left out, every cast as `ofType`. */
function textOf(node: PathNode, isOwn: IsOwn): string {
  const text = (of: PathNode): string => textOf(of, isOwn);
  const after = (of: PathNode, step: string): string => {
    const before = text(of);
    return before === '' ? step : `${before}.${step}`;
  };
  switch (node.kind) {
    case 'this':
      return '';
    case 'resource':
      return '%resource';
    case 'literal':
      return JSON.stringify(node.value);
    case 'member':
      return node.of.kind === 'this' && isOwn(node.name) ? '' : after(node.of, node.name);
    case 'index':
      return `${text(node.of)}[${node.at}]`;
    case 'cast':
      return after(node.of, node.op === 'is' ? `is(${node.type})` : castText(node.type));
    case 'call':
      return after(node.of, callText(node.name, node.args.map(text)));
    default:
      return `(${text(node.left)} ${node.op} ${text(node.right)})`;
  }
}

/** R4 writes `DateTime` in places. */
const castText = (type: string): string => `ofType(${type === 'DateTime' ? 'dateTime' : type})`;

const callText = (name: string, args: readonly string[]): string =>
  name === 'as' || name === 'ofType' ? castText(args.join()) : `${name}(${args.join()})`;
