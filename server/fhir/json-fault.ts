import { FhirError } from './error.ts';

/** A step from a value to a value inside it. */
export type Step = string | number;

/** What is wrong with a text, and what to do about it. */
export interface Fault {
  /** Offset of the byte. */
  at: number;
  /** The way from the root to the value that was being read. */
  path: readonly Step[];
  what: string;
  remedy: string;
}

/** The error for a text: line and column (in characters) and the path, for people to find it. */
export function jsonFault(bytes: Buffer, { at, path, what, remedy }: Fault): FhirError {
  const before = bytes.toString('utf8', 0, at);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  const expression = pathText(path, bytes);
  const where = expression === '' ? '' : ` (${expression})`;
  const issue = {
    severity: 'error' as const,
    code: 'structure',
    diagnostics: `Invalid JSON at line ${line}, column ${column}${where}: ${what}. ${remedy}.`,
  };
  return new FhirError('invalid', [expression === '' ? issue : { ...issue, expression }]);
}

/** The path as a FHIRPath expression, beginning with the type where the text names it at once. */
function pathText(path: readonly Step[], bytes: Buffer): string {
  const head = bytes.toString('latin1', 0, 200);
  const type = /^\s*\{\s*"resourceType"\s*:\s*"([A-Za-z]{1,64})"/.exec(head)?.[1] ?? '';
  const steps = path.slice(0, 20).map((step) => {
    if (typeof step === 'number') return `[${step}]`;
    return /^\w{1,64}$/.test(step) ? `.${step}` : `.\`${step.slice(0, 64)}\``;
  });
  const text = `${type}${steps.join('')}${path.length > 20 ? '..' : ''}`;
  return text.startsWith('.') ? text.slice(1) : text;
}
