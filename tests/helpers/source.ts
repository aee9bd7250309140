import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'vitest/node';

/** Facts about the project's source, for `tests/tidy.test.ts`. Paths are relative to the root. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Import {
  /** A path from the root for our own files, else the package or builtin as written. */
  to: string;
  own: boolean;
  /** `import type`: gone at run time. */
  typeOnly: boolean;
  line: number;
}

export interface FunctionFact {
  name: string;
  line: number;
  lines: number;
  parameters: number;
}

export interface Source {
  path: string;
  lines: number;
  imports: Import[];
  functions: FunctionFact[];
  /** Lines with the type `any`. */
  anys: number[];
  /** String and template literals; `$` stands for what is filled in. */
  strings: { text: string; line: number }[];
  /** `a.b` accesses and calls without arguments, e.g. `process.env`, `new Date()`. */
  uses: { text: string; line: number }[];
}

interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

/** Every file below the folders, without what is generated, fetched or written at run time. */
export function filesBelow(folder: string): string[] {
  const skip = /^(node_modules|\.git|\.kiln|coverage)$|\.log$/;
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !skip.test(entry.name))
    .flatMap((entry) => {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
    });
}

export function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

/** Parses a TypeScript file and collects what the rules ask about. */
export function readSource(path: string): Source {
  const text = textOf(path);
  const lineStarts = [...text.matchAll(/\n/g)].map((match) => match.index + 1);
  const source: Source = {
    path,
    lines: lineStarts.length,
    imports: [],
    functions: [],
    anys: [],
    strings: [],
    uses: [],
  };
  const lineAt = (offset: number): number => 1 + lineStarts.filter((s) => s <= offset).length;
  const program = parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' }) as unknown as Node;
  walk(program, undefined, (node, parent) => collect(source, node, parent, lineAt));
  return source;
}

function walk(node: Node, parent: Node | undefined, visit: (n: Node, p?: Node) => void): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) {
        walk(child, node, visit);
      }
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

type LineAt = (offset: number) => number;

function collect(source: Source, node: Node, parent: Node | undefined, lineAt: LineAt): void {
  const line = lineAt(node.start);
  if (importing.test(node.type) || requires(node)) {
    collectImport(source, node, line);
  } else if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) {
    source.functions.push({
      name: functionName(node, parent),
      line,
      lines: lineAt(node.end) - line + 1,
      parameters: parametersOf(node).length,
    });
  } else if (node.type === 'TSAnyKeyword') {
    source.anys.push(line);
  } else if (node.type === 'Literal' && typeof node.value === 'string') {
    source.strings.push({ text: node.value, line });
  } else if (node.type === 'TemplateLiteral') {
    const quasis = node.quasis as { value: { raw: string } }[];
    source.strings.push({ text: quasis.map((quasi) => quasi.value.raw).join('$'), line });
  } else if (node.type === 'MemberExpression' || node.type === 'NewExpression') {
    source.uses.push({ text: useOf(node), line });
  }
}

const importing = /^((Import|ExportNamed|ExportAll)Declaration|ImportExpression|TSImportType)$/;

function requires(node: Node): boolean {
  return node.type === 'CallExpression' && isNode(node.callee) && node.callee.name === 'require';
}

function collectImport(source: Source, node: Node, line: number): void {
  const named = node.source ?? (node.arguments as unknown[] | undefined)?.[0];
  const specifier = isNode(named) ? named.value : undefined;
  if (typeof specifier !== 'string') {
    return;
  }
  const own = specifier.startsWith('.');
  const kinds = [node.importKind, node.exportKind, node.type];
  const typeOnly = kinds.includes('type') || kinds.includes('TSImportType');
  const to = own ? join(dirname(source.path), specifier) : specifier;
  source.imports.push({ to, own, typeOnly, line });
}

/** A leading `this: T` is no parameter at run time. */
function parametersOf(node: Node): Node[] {
  const parameters = Array.isArray(node.params) ? (node.params as Node[]) : [];
  return parameters.filter((parameter) => parameter.name !== 'this');
}

function functionName(node: Node, parent: Node | undefined): string {
  const named = [node.id, parent?.id, parent?.key].find((id) => isNode(id));
  return isNode(named) ? String(named.name ?? named.value ?? '(computed)') : '(anonymous)';
}

function useOf(node: Node): string {
  const name = (part: unknown): string => (isNode(part) ? String(part.name ?? '') : '');
  if (node.type === 'NewExpression') {
    const empty = (node.arguments as Node[]).length === 0;
    return `new ${name(node.callee)}(${empty ? '' : '…'})`;
  }
  return `${name(node.object)}.${name(node.property)}`;
}
