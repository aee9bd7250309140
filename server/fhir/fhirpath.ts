import { createRequire } from 'node:module';
import { createContext, Script } from 'node:vm';
import { FhirError } from './error.ts';
import type { Typed } from './fhirpath-compile.ts';
import { pointsTo } from './fhirpath-resolve.ts';
import type { Resource } from './types.ts';

/**
 * The only file that knows fhirpath.js: what our own compiler refuses (fhirpath-compile.ts), and the
 * oracle of its tests. Loaded at first use: it costs the start time and memory, and every R4
 * parameter does without.
 */

type Library = typeof import('fhirpath');
type Model = import('fhirpath').Model;

let loaded: { library: Library; model: Model } | undefined;

function load(): { library: Library; model: Model } {
  if (!loaded) {
    const require = createRequire(import.meta.url);
    loaded = {
      library: require('fhirpath') as Library,
      model: require('fhirpath/fhir-context/r4') as Model,
    };
  }
  return loaded;
}

/** fhirpath.js fetches what `resolve()` names, asynchronously; the type is in the reference. */
const RESOLVE_IS =
  /resolve\(\)\s*(?:\.\s*is\s*\(\s*(?:FHIR\.)?(\w+)\s*\)|\bis\s+(?:FHIR\.)?(\w+))/g;

function withoutResolve(expression: string): string {
  const text = expression.replace(RESOLVE_IS, (_, call, word) => `pointsTo('${call ?? word}')`);
  if (/\bresolve\s*\(/.test(text)) {
    throw new FhirError(
      'not-supported',
      `FHIRPath \`${expression}\`: resolve() may only stand in \`resolve() is Type\`; ` +
        'rewrite the expression without following references.',
    );
  }
  return text;
}

/** Decimals that keep their text (RawNumber) are objects to fhirpath.js: it gets plain numbers. */
const plain = (resource: Resource): unknown => JSON.parse(JSON.stringify(resource));

/**
 * Longest evaluation in milliseconds. Patterns (`matches`) and lists that grow by lists have no
 * bound, and everybody waits for one that runs: some thousand times what a sound one takes.
 */
const LIMIT_MS = 500;

const cell: { work?: () => void } = {};
const context = createContext(cell);
const script = new Script('work()');

/** What `run` returns. Throws FhirError `too-large` beyond the limit. */
function limited<T>(expression: string, run: () => T): T {
  let result: [T] | undefined;
  cell.work = () => {
    result = [run()];
  };
  try {
    script.runInContext(context, { timeout: LIMIT_MS });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    const text = `FHIRPath \`${shown(expression)}\` takes longer than ${LIMIT_MS} ms here; write a simpler one.`;
    throw new FhirError('too-large', [
      { severity: 'error', code: 'too-costly', diagnostics: text },
    ]);
  }
  if (!result) throw new Error('the script ended without a result');
  return result[0];
}

const shown = (expression: string): string =>
  expression.length > 300 ? `${expression.slice(0, 300)} ..` : expression;

/**
 * Compiles any FHIRPath expression with fhirpath.js (R4 model): about 300 times slower than
 * `compilePath`. The function returns the values of a resource with their FHIR types.
 *
 * @throws FhirError `invalid` where the expression cannot be parsed, `not-supported` for resolve()
 *   other than `resolve() is Type`; the compiled function throws `unprocessable` where evaluation
 *   fails; both `too-large` where they take too long
 */
export function compileFhirPath(expression: string): (resource: Resource) => Typed[] {
  const { library, model } = load();
  let root: unknown;
  const userInvocationTable = {
    pointsTo: {
      fn: (inputs: unknown[], type: string) =>
        inputs.map((one) => pointsTo(library.util.valData(one), root, type)),
      arity: { 1: ['String' as const] },
      internalStructures: true,
    },
  };
  // trace() would print what it is given, patients' data, to the console.
  const traceFn = (): void => undefined;
  const options = {
    ...{ resolveInternalTypes: false, userInvocationTable, async: false as const, traceFn },
  };
  const run = guarded('invalid', expression, () =>
    library.compile(withoutResolve(expression), model, options),
  );
  return (resource) =>
    guarded('unprocessable', expression, () => {
      root = plain(resource);
      const values = run(root, {});
      const types = library.types(values);
      return library
        .resolveInternalTypes(values)
        .map((value: unknown, i: number) => ({ type: bareType(types[i]), value }));
    });
}

function guarded<T>(kind: 'invalid' | 'unprocessable', expression: string, run: () => T): T {
  try {
    return limited(expression, run);
  } catch (error) {
    if (error instanceof FhirError) throw error;
    // A TypeError is a slip of the parser over what is no FHIRPath.
    const slip = kind === 'invalid' && error instanceof TypeError;
    const said = error instanceof Error ? error.message : String(error);
    const reason = slip ? 'it cannot be read' : said;
    throw new FhirError(kind, `FHIRPath \`${shown(expression)}\`: ${reason}`, error);
  }
}

/** `FHIR.Quantity` -> `Quantity`; `System.Boolean` -> `boolean`, as FHIR names its primitives. */
function bareType(name: string | undefined): string {
  const [space, type = ''] = (name ?? '').split('.');
  return space === 'System' ? type.charAt(0).toLowerCase() + type.slice(1) : type;
}
