import type { JsonObject } from '../fhir/types.ts';
import { flagIn, objectIn, textIn, textsIn } from './client-fields.ts';
import { LOGIN } from './setup.ts';
import { OAuthError, type User } from './types.ts';
import { type Account, normalLogin, type Upstream } from './users.ts';

/** A user as the admin API takes and shows one. */

/** What can be sent; `id` and `hasPassword` may come along as they were shown. */
const FIELDS = ['login', 'name', 'fhirUser', 'roles', 'branches', 'active', 'upstream'];
const SHOWN = ['id', 'hasPassword'];

/** What SMART lets `fhirUser` be, without PractitionerRole, which clients do not expect. */
const FHIR_USER = /^(Patient|Practitioner|RelatedPerson|Person)\/[A-Za-z0-9.-]{1,64}$/;
const ID = /^[A-Za-z0-9.-]{1,64}$/;

export interface UserFields {
  user: Omit<User, 'id'>;
  active: boolean;
  upstream: Upstream | undefined;
}

/** Reads the body of a request. Throws OAuthError invalid_request that names the field. */
export function readUser(body: JsonObject): UserFields {
  const other = Object.keys(body).find((name) => ![...FIELDS, ...SHOWN].includes(name));
  if (other !== undefined) {
    throw fault(`There is no field ${/^\w{1,40}$/.test(other) ? other : 'of that name'}.`);
  }
  try {
    return {
      user: personIn(body),
      active: flagIn(body, 'active') ?? true,
      upstream: upstreamIn(body),
    };
  } catch (error) {
    // The readers are those of clients; only the name of the error differs.
    throw error instanceof OAuthError ? fault(error.message) : error;
  }
}

function personIn(body: JsonObject): Omit<User, 'id'> {
  const login = textIn(body, 'login', 100);
  const name = textIn(body, 'name', 200);
  const fhirUser = textIn(body, 'fhirUser', 100);
  const branches = textsIn(body, 'branches', 64) ?? [];
  if (name === undefined) throw fault('name is missing.');
  if (login !== undefined && !LOGIN.test(normalLogin(login))) {
    throw fault('login is not 2 to 100 characters without spaces.');
  }
  if (fhirUser !== undefined && !FHIR_USER.test(fhirUser)) {
    throw fault(
      'fhirUser is not a reference such as Practitioner/17 to one of these: Patient, Practitioner, RelatedPerson, Person.',
    );
  }
  if (!branches.every((id) => ID.test(id))) throw fault('branches are not ids of Organizations.');
  return { login, name, fhirUser, roles: textsIn(body, 'roles', 100) ?? [], branches };
}

function upstreamIn(body: JsonObject): Upstream | undefined {
  const object = objectIn(body, 'upstream');
  if (object === undefined) return undefined;
  const issuer = textIn(object, 'issuer', 500);
  const subject = textIn(object, 'subject', 255);
  if (issuer !== undefined && subject !== undefined) return { issuer, subject };
  throw fault('upstream needs an issuer and a subject.');
}

/** What administrators see of a user; never a password, nor what was made of one. */
export function printUser({ user, disabled, passwordHash, upstream }: Account): JsonObject {
  const { id, login, name, fhirUser, roles, branches } = user;
  return {
    id,
    ...(login !== undefined && { login }),
    name,
    ...(fhirUser !== undefined && { fhirUser }),
    roles: [...roles],
    branches: [...branches],
    active: !disabled,
    hasPassword: passwordHash !== undefined,
    ...(upstream && { upstream: { ...upstream } }),
  };
}

export const fault = (text: string): OAuthError => new OAuthError('invalid_request', text);
