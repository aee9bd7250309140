/** Follows the path of a FHIRPath Patch operation to the elements it names. */
import { isKindOf } from './fhirpath-compile.ts';
import { matching } from './patch-criteria.ts';
import type { Scope, Spot } from './patch-spot.ts';
import { childrenOf, contentsOf } from './patch-spot.ts';
import type { PathStep } from './patch-steps.ts';
import { PathError } from './patch-steps.ts';

/**
 * The elements a path leads to.
 * @throws PathError where the path cannot be followed by its form; nothing found is no error
 */
export function locate(scope: Scope, steps: readonly PathStep[]): Spot[] {
  let spots = [scope.root];
  for (const [at, step] of steps.entries()) {
    // A path may begin with the type, or with %resource's own elements (FHIRPath 3).
    if (at === 0 && step.kind === 'member' && isRootName(scope, step.name)) continue;
    spots = follow(scope, spots, step);
  }
  return spots;
}

function isRootName({ definitions, root }: Scope, name: string): boolean {
  if (!/^[A-Z]/.test(name)) return false;
  if (isKindOf(definitions.types, root.type, name)) return true;
  throw new PathError(`the path begins with ${name}, but the resource is a ${root.type}.`);
}

function follow(scope: Scope, spots: Spot[], step: PathStep): Spot[] {
  if (step.kind === 'member') return spots.flatMap((spot) => childrenOf(scope, spot, step.name));
  if (step.kind === 'index') return spots.slice(step.at, step.at + 1);
  return call(scope, spots, step);
}

function call(
  scope: Scope,
  spots: Spot[],
  { name, argument }: PathStep & { kind: 'call' },
): Spot[] {
  switch (name) {
    case 'where':
      return matching(scope, spots, argument);
    case 'first':
      return spots.slice(0, 1);
    case 'last':
      return spots.slice(-1);
    case 'tail':
      return spots.slice(1);
    case 'skip':
      return spots.slice(count(name, argument));
    case 'take':
      return spots.slice(0, count(name, argument));
    case 'single':
      if (spots.length > 1) throw new PathError('single() found several elements.');
      return spots;
    case 'ofType':
    case 'as':
      return spots.filter((spot) => isOfType(scope, spot, argument));
    case 'extension':
      return spots
        .flatMap((spot) => childrenOf(scope, spot, 'extension'))
        .filter((spot) => contentsOf(scope, spot)?.['url'] === literal(argument));
    default:
      throw new PathError(
        `${name}() is not for the paths of a patch: use where(), first(), last(), tail(), skip(), ` +
          'take(), single(), ofType() or extension().',
      );
  }
}

function isOfType({ definitions: { types } }: Scope, spot: Spot, argument: string): boolean {
  const name = argument.replace(/^FHIR\./, '').replaceAll('`', '');
  if (!types.has(name)) throw new PathError(`${name} is not a type of R4.`);
  return isKindOf(types, spot.type, name);
}

function count(name: string, argument: string): number {
  if (/^\d{1,9}$/.test(argument)) return Number(argument);
  throw new PathError(`${name}() takes a number here.`);
}

function literal(argument: string): string {
  const text = /^'([^'\\]*)'$/.exec(argument)?.[1];
  if (text === undefined)
    throw new PathError("extension() takes a url in quotes: extension('url').");
  return text;
}
