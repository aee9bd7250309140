import { isObject } from '../fhir/json.ts';
import { isId } from '../fhir/reference.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import { OAuthError } from './types.ts';

/** The fields of a launch that another EHR asks for, checked for their form. */
export interface LaunchWish {
  clientId: string;
  /** Id or login; only systems may name one. */
  user: string | undefined;
  /** Ids without type. */
  patient: string;
  encounter: string | undefined;
  intent: string | undefined;
  launchUri: string | undefined;
  needPatientBanner: boolean | undefined;
  fhirContext: readonly JsonObject[] | undefined;
}

const NAMES = [
  ...['client_id', 'user', 'patient', 'encounter', 'intent', 'launch_uri'],
  ...['need_patient_banner', 'fhirContext'],
];
const MOST_CONTEXT = 20;

const fault = (text: string): OAuthError => new OAuthError('invalid_request', text);

/** @throws OAuthError invalid_request */
export function readLaunch(body: JsonObject): LaunchWish {
  const other = Object.keys(body).find((name) => !NAMES.includes(name));
  if (other !== undefined) {
    throw fault(`${other.slice(0, 50)} is none of the fields, which are ${NAMES.join(', ')}.`);
  }
  const clientId = textIn(body, 'client_id', 200);
  const patient = idIn(body, 'patient');
  if (clientId === undefined) throw fault('client_id is missing: the app that is to start.');
  if (patient === undefined) throw fault('patient is missing: the id of who the record is about.');
  return {
    ...{ clientId, patient },
    user: textIn(body, 'user', 200),
    encounter: idIn(body, 'encounter'),
    intent: textIn(body, 'intent', 200),
    launchUri: textIn(body, 'launch_uri', 2000),
    needPatientBanner: flagIn(body, 'need_patient_banner'),
    fhirContext: contextIn(body),
  };
}

function textIn(body: JsonObject, name: string, longest: number): string | undefined {
  const value = body[name];
  if (value === undefined) return undefined;
  if (isText(value, longest)) return value;
  throw fault(`${name} is not a text of 1 to ${longest} characters.`);
}

const isText = (value: JsonValue | undefined, longest: number): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= longest &&
  !/[\p{Cc}\p{Cs}]/u.test(value);

function idIn(body: JsonObject, name: string): string | undefined {
  const value = textIn(body, name, 200);
  if (value === undefined || isId(value)) return value;
  throw fault(`${name} is not an id: write p1, not Patient/p1.`);
}

function flagIn(body: JsonObject, name: string): boolean | undefined {
  const value = body[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw fault(`${name} is not true or false.`);
}

/**
 * SMART App Launch 2.2, "fhirContext": objects with at least one of `reference` (relative),
 * `canonical` and `identifier`, besides `type` and `role`, which are never empty.
 */
function contextIn({ fhirContext: list }: JsonObject): JsonObject[] | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || list.length > MOST_CONTEXT) {
    throw fault(`fhirContext is not a list of at most ${MOST_CONTEXT} objects.`);
  }
  return list.map((one, at) => {
    const wrong = contextFault(one);
    if (wrong === undefined) return one as JsonObject;
    throw fault(`fhirContext[${at}] ${wrong}.`);
  });
}

const MEMBERS = ['reference', 'canonical', 'identifier', 'type', 'role'];
/** Those whose place is `patient` and `encounter`, unless they stand there in another role. */
const LAUNCHED = ['Patient', 'Encounter'];

function contextFault(one: JsonValue): string | undefined {
  if (!isObject(one)) return 'is no JSON object';
  const { reference, canonical, identifier, type, role } = one;
  const other = Object.keys(one).find((name) => !MEMBERS.includes(name));
  if (other !== undefined) return `has other members than ${MEMBERS.join(', ')}`;
  if (reference === undefined && canonical === undefined && identifier === undefined) {
    return 'has none of reference, canonical and identifier';
  }
  const texts = Object.entries({ canonical, type, role });
  const [bad] = texts.find(([, value]) => value !== undefined && !isText(value, 2000)) ?? [];
  if (bad !== undefined) return `has a ${bad} that is not a text`;
  if (identifier !== undefined && !(isObject(identifier) && isText(identifier['value'], 2000))) {
    return 'has an identifier without a value';
  }
  return reference === undefined ? undefined : referenceFault(reference, role);
}

function referenceFault(reference: JsonValue, role: JsonValue | undefined): string | undefined {
  const [, type = '', id = ''] = /^([A-Z][A-Za-z]+)\/([^/]+)$/.exec(String(reference)) ?? [];
  if (typeof reference !== 'string' || !isId(id)) {
    return 'has a reference that is not relative, such as ImagingStudy/1';
  }
  if (LAUNCHED.includes(type) && (role === undefined || role === 'launch')) {
    return `has a ${type} without a role of its own: that of the launch stands outside of it`;
  }
  return undefined;
}
