import type { User } from './types.ts';

/** id, login, name, fhir_user, roles, branches: what statements select of auth_user. */
export type UserRow = readonly [
  string,
  string | null,
  string,
  string | null,
  readonly string[],
  readonly string[],
];

export function userOf([id, login, name, fhirUser, roles, branches]: UserRow): User {
  const optional = { login: login ?? undefined, fhirUser: fhirUser ?? undefined };
  return { id, name, roles, branches, ...optional };
}
