import { parseScopes, printScopes } from './scopes.ts';

/**
 * Scopes for one patient and a short while: those for all patients of the user become those for this
 * one, and nothing is refreshed. `launch`: the launch scopes that stay.
 */
export function scopeForOne(text: string, launch?: readonly string[]): string {
  const parsed = parseScopes(text);
  const bound = parsed.scopes
    .filter(({ context }) => context !== 'system')
    .map((scope) => scope.text.replace(/^user\//, 'patient/'));
  return printScopes({
    // Read again, as two may have become one.
    scopes: parseScopes(bound.join(' ')).scopes,
    launch: [...(launch ?? parsed.launch)],
    identity: { ...parsed.identity, offline: false, online: false },
  });
}
