import type { ElementDef } from './definitions.ts';

/**
 * A compiled path is a list of branches: straight walks from the context to typed values. Unions,
 * choice elements and casts are resolved before anything runs, so a branch has one static type.
 */

/** A test on one value; undefined is FHIRPath's empty. `root` is the resource (`%resource`). */
export type Test = (value: unknown, root: unknown) => boolean | undefined;

export type Step =
  | { op: 'get'; name: string; many: boolean; at?: number }
  | { op: 'filter'; test: Test }
  | { op: 'compute'; test: Test };

export interface Branch {
  from: 'context' | 'resource';
  steps: readonly Step[];
  /** Name of a type in `Definitions.types`. */
  type: string;
  /** The element that the last step reads; absent for the context itself. */
  element?: ElementDef;
  /** The value stands for what its reference points to: only `is` may follow. */
  resolved?: true;
}

/** What a branch hands its values to; `out` is whatever the caller passes through. */
export interface Target<Out> {
  branch: Branch;
  sink: (value: unknown, out: Out) => void;
}

export type Runner<Out> = (context: unknown, root: unknown, out: Out) => void;

/** Two steps that read the same: their branches share one walk. */
function sameStep(a: Step | undefined, b: Step | undefined): boolean {
  if (a === b) return true;
  return a?.op === 'get' && b?.op === 'get' && a.name === b.name && a.at === b.at;
}

/** Whether two branches read the same values. */
export function sameBranch(a: Branch, b: Branch): boolean {
  return (
    a.from === b.from &&
    a.type === b.type &&
    a.steps.length === b.steps.length &&
    a.steps.every((step, i) => sameStep(step, b.steps[i]))
  );
}

/** Whether the branch yields at most one value. */
export function isSingle(branch: Branch): boolean {
  return branch.steps.every((step) => step.op !== 'get' || !step.many || step.at !== undefined);
}

/** Collects source text; names in it come from the element tables, values only by position. */
class Emitter<Out> {
  readonly sinks: Target<Out>['sink'][] = [];
  readonly tests: Test[] = [];
  private names = 0;

  /** Code for branches that have `depth` steps behind them and stand at the variable `at`. */
  emit(targets: readonly Target<Out>[], depth: number, at: string): string {
    let code = '';
    let rest = targets;
    while (rest[0]) {
      const step = rest[0].branch.steps[depth];
      if (!step) {
        code += `s[${this.sinks.push(rest[0].sink) - 1}](${at},o);`;
        rest = rest.slice(1);
        continue;
      }
      const shares = (one: Target<Out>) => sameStep(one.branch.steps[depth], step);
      code += this.step(step, at, (to) => this.emit(rest.filter(shares), depth + 1, to));
      rest = rest.filter((one) => !shares(one));
    }
    return code;
  }

  private step(step: Step, at: string, inner: (at: string) => string): string {
    if (step.op === 'filter') {
      return `if(t[${this.tests.push(step.test) - 1}](${at},r)===true){${inner(at)}}`;
    }
    const n = this.names++;
    const value = `v${n}`;
    if (step.op === 'compute') {
      const test = this.tests.push(step.test) - 1;
      return `const ${value}=t[${test}](${at},r);if(${value}!==undefined){${inner(value)}}`;
    }
    const read = `${at}[${JSON.stringify(step.name)}]`;
    if (!step.many) return `const ${value}=${read};if(${value}!=null){${inner(value)}}`;
    const list = `a${n}`;
    const open = `const ${list}=${read};if(Array.isArray(${list}))`;
    if (step.at !== undefined) {
      return `${open}{const ${value}=${list}[${step.at}];if(${value}!=null){${inner(value)}}}`;
    }
    const loop = `for(let i${n}=0;i${n}<${list}.length;i${n}++)`;
    return `${open}${loop}{const ${value}=${list}[i${n}];if(${value}!=null){${inner(value)}}}`;
  }
}

/**
 * Compiles branches to one plain function that walks the context and hands every value to its sink;
 * branches with a common beginning share the walk.
 */
export function compileBranches<Out>(targets: readonly Target<Out>[]): Runner<Out> {
  const emitter = new Emitter<Out>();
  const starting = (from: Branch['from']) => targets.filter((one) => one.branch.from === from);
  const body =
    emitter.emit(starting('context'), 0, 'c') + emitter.emit(starting('resource'), 0, 'r');
  const make = new Function('s', 't', `return function(c,r,o){${body}}`);
  return make(emitter.sinks, emitter.tests) as Runner<Out>;
}
