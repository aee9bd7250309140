/** The paths of FHIRPath Patch, cut into steps. What stands in parentheses stays text. */

export type PathStep =
  | { kind: 'member'; name: string }
  | { kind: 'index'; at: number }
  | { kind: 'call'; name: string; argument: string };

/** The path, or what is asked of it, is not one that a patch can follow. */
export class PathError extends Error {}

const MAX_LENGTH = 2_000;
/** Parentheses inside each other, in criteria: far more than anyone writes, far less than the stack. */
const MAX_NESTING = 20;
const NAME = /([A-Za-z_]\w*)|`([^`\\]+)`/y;
const INDEX = /\[\s*(\d{1,9})\s*\]/y;

/**
 * Cuts `Patient.identifier.where(system = 'a').value` into its steps.
 * @throws PathError for what is not names, indexes and calls joined by dots
 */
export function cutPath(path: string): PathStep[] {
  if (path.length > MAX_LENGTH)
    throw new PathError(`the path is longer than ${MAX_LENGTH} characters.`);
  const steps: PathStep[] = [];
  let at = 0;
  do {
    NAME.lastIndex = at;
    const match = NAME.exec(path);
    if (!match) throw unexpected(path, at);
    at = NAME.lastIndex;
    const name = match[1] ?? match[2] ?? '';
    if (path[at] === '(') {
      const end = closing(path, at);
      steps.push({ kind: 'call', name, argument: path.slice(at + 1, end).trim() });
      at = end + 1;
    } else steps.push({ kind: 'member', name });
    at = cutIndexes(path, at, steps);
    if (at === path.length) return steps;
  } while (path[at++] === '.');
  throw unexpected(path, at - 1);
}

function cutIndexes(path: string, from: number, steps: PathStep[]): number {
  let at = from;
  while (path[at] === '[') {
    INDEX.lastIndex = at;
    const match = INDEX.exec(path);
    if (!match) throw unexpected(path, at);
    steps.push({ kind: 'index', at: Number(match[1]) });
    at = INDEX.lastIndex;
  }
  return at;
}

/** The parenthesis that closes the one at `open`; those in strings do not count. */
function closing(path: string, open: number): number {
  let depth = 0;
  for (let at = open; at < path.length; at += 1) {
    const char = path[at];
    if (char === "'" || char === '"' || char === '`') at = endOfString(path, at);
    else if (char === '(' && ++depth > MAX_NESTING) throw new PathError('the path nests too deep.');
    else if (char === ')' && --depth === 0) return at;
  }
  throw new PathError(`the "(" at character ${open + 1} is never closed.`);
}

function endOfString(path: string, start: number): number {
  for (let at = start + 1; at < path.length; at += 1) {
    if (path[at] === '\\') at += 1;
    else if (path[at] === path[start]) return at;
  }
  throw new PathError(`the string at character ${start + 1} is never closed.`);
}

const unexpected = (path: string, at: number): PathError =>
  new PathError(
    `"${path}" is not understood at character ${at + 1}. A patch path is made of element names, ` +
      'indexes and where(), first(), last(), ofType(), extension(), joined by dots.',
  );
