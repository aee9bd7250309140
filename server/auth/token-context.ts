import { parseScopes } from './scopes.ts';
import { styleUrl } from './style.ts';
import type { AuthService, Grant } from './types.ts';

/**
 * The context of a launch as it stands beside a token and in its introspection (SMART App Launch
 * 2.2, "Launch context arrives with your access_token"). Nothing for systems, which have no launch.
 */
export function contextMembers(service: AuthService, grant: Grant): Record<string, unknown> {
  if (grant.userId === undefined) return {};
  const { patient, encounter, fhirContext, needPatientBanner, intent, tenant } = grant.context;
  const members: Record<string, unknown> = { patient, encounter, fhirContext, intent, tenant };
  // Outside an EHR nobody else shows whose data this is.
  if (patient !== undefined) members['need_patient_banner'] = needPatientBanner ?? true;
  members['smart_style_url'] = styleUrl(service);
  return members;
}

/** fhirUser may be one of these; a role is not a person (SMART's test kit refuses PractitionerRole). */
const PERSON = /^(?:Patient|Practitioner|RelatedPerson|Person)\/[A-Za-z0-9.-]{1,64}$/;

/** The claim `fhirUser`: the URL of who signed in, where the scope of that name was granted. */
export function fhirUserClaim(
  { config }: AuthService,
  scope: string,
  fhirUser: string | undefined,
): string | undefined {
  const wanted = parseScopes(scope).identity.fhirUser && fhirUser && PERSON.test(fhirUser);
  return wanted ? `${config.base}/${fhirUser}` : undefined;
}
