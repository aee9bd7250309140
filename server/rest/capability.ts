import type { Definitions, SearchParamDef } from '../fhir/definitions.ts';
import { stringify } from '../fhir/json.ts';
import type { JsonObject, JsonValue } from '../fhir/types.ts';
import { AUDIT_EVENT, UNSEARCHED } from '../store/store.ts';
import { type Searchable, searchable } from './capability-search.ts';
import { everythingTypes } from './everything.ts';
import type { Exchange } from './request.ts';
import { answer } from './respond.ts';
import type { RestConfig, Service } from './service.ts';
import { shaped, shapeOf } from './shape.ts';

/** GET [base]/metadata (R4 3.1.0.13). */
export function capabilities(service: Service, exchange: Exchange): Response {
  const text = service.capabilities(service.config.base());
  const shape = shapeOf(service, exchange, ['CapabilityStatement']);
  return answer(service, exchange, shape ? shaped(service.definitions, text, shape) : text);
}

/**
 * The CapabilityStatement, made on the first request (and when search parameters change) from what is there: the interactions of the
 * page of routes, the definitions, and of the search parameters those that the parser takes.
 */
export function capabilityTexts(
  definitions: Definitions,
  config: RestConfig,
  { codes, audited }: Pick<Made, 'codes' | 'audited'>,
): (base: string) => string {
  const date = new Date().toISOString();
  const known = new Map<string, string>();
  let { revision } = definitions;
  return (base) => {
    // A SearchParameter has come or gone.
    if (definitions.revision !== revision) known.clear();
    ({ revision } = definitions);
    const found =
      known.get(base) ?? stringify(statement(definitions, { config, base, date, codes, audited }));
    known.set(base, found);
    return found;
  };
}

interface Made {
  config: RestConfig;
  base: string;
  date: string;
  /** The interactions that have a route. */
  codes: readonly string[];
  /** Whether there is an audit journal. */
  audited: boolean;
}

function statement(definitions: Definitions, made: Made): JsonObject {
  const { config, base, date } = made;
  return {
    resourceType: 'CapabilityStatement',
    id: 'kiln',
    url: `${base}/metadata`,
    version: config.version,
    name: 'Kiln',
    title: 'Kiln FHIR R4 server',
    status: 'active',
    date,
    publisher: 'Kiln',
    kind: 'instance',
    software: { name: 'Kiln', version: config.version },
    implementation: { description: 'A hospital FHIR R4 server on PostgreSQL', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'application/fhir+xml', 'json', 'xml'],
    patchFormat: ['application/json-patch+json', 'application/fhir+json', 'application/fhir+xml'],
    rest: [server(definitions, made)],
  };
}

const ABOUT = [
  'Unknown search parameters are refused; under `Prefer: handling=lenient` they are left out, named',
  'in the answer and absent from its self link. Batch and transaction responses hold the resources',
  'only under `Prefer: return=representation`. Of a preference that stands twice the first counts.',
].join(' ');

function server(definitions: Definitions, made: Made): JsonObject {
  const { codes, config } = made;
  const search = searchable(definitions, config.fulltext);
  const everywhere = search.everywhere.map((def) => parameter(def));
  return {
    mode: 'server',
    documentation: ABOUT,
    ...(config.security && { security: config.security }),
    resource: definitions.resourceTypes.map((type) =>
      type === AUDIT_EVENT
        ? auditEvents(search, made)
        : ordinary(definitions, type, { search, codes }),
    ),
    interaction: ofSystem.filter((code) => codes.includes(code)).map((code) => ({ code })),
    searchParam: everywhere,
    ...listed('compartment', search.compartments),
  };
}

function ordinary(
  definitions: Definitions,
  type: string,
  { search, codes }: { search: Searchable; codes: readonly string[] },
): JsonObject {
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    interaction: ofTypes.filter((code) => codes.includes(code)).map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete: 'multiple',
    referencePolicy: ['literal', 'logical', 'local'],
    ...listed('searchInclude', search.includes(type)),
    ...listed('searchRevInclude', search.revincludes(type)),
    ...listed('searchParam', search.ofType(type).map(parameter)),
    ...listed('operation', operationsOf(definitions, type)),
  };
}

const JOURNAL = [
  'AuditEvents are the audit journal of this server, and what others post to it. They are neither',
  'changed nor deleted, by nobody. GET [base]/AuditEvent/$verify?from=&to= recomputes its hash chain.',
].join(' ');
const NO_JOURNAL = 'The audit journal is switched off (KILN_AUDIT): there are no AuditEvents.';

function auditEvents(search: Searchable, { codes, audited }: Made): JsonObject {
  const type = AUDIT_EVENT;
  const profile = `http://hl7.org/fhir/StructureDefinition/${type}`;
  if (!audited) return { type, profile, documentation: NO_JOURNAL };
  const params = search.ofType(type).filter(({ code }) => !UNSEARCHED.has(code));
  return {
    ...{ type, profile, documentation: JOURNAL },
    interaction: ofEvents.filter((code) => codes.includes(code)).map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: false,
    conditionalCreate: false,
    conditionalRead: 'full-support',
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
    referencePolicy: ['literal', 'logical', 'local'],
    ...listed('searchParam', params.map(parameter)),
  };
}

/** R4 ValueSet type-restful-interaction, and system-restful-interaction. */
const ofTypes = [
  'read',
  'vread',
  'update',
  'patch',
  'delete',
  'history-instance',
  'history-type',
  'create',
  'search-type',
];
/** The journal is append only. */
const ofEvents = ['read', 'vread', 'history-instance', 'create', 'search-type'];
const ofSystem = ['transaction', 'batch', 'history-system', 'search-system'];

/** An empty array is not allowed in FHIR JSON. */
const listed = (name: string, list: JsonValue[]): JsonObject =>
  list.length === 0 ? {} : { [name]: list };

/** The operations on one resource of the type, by R4's own definitions. */
function operationsOf({ operations }: Definitions, type: string): JsonObject[] {
  if (!everythingTypes.some((one) => one === type)) return [];
  return operations
    .filter(({ code, resource }) => code === 'everything' && resource.includes(type))
    .map(({ code, url }) => ({ name: code, definition: url }));
}

function parameter(def: SearchParamDef): JsonObject {
  const documentation = `Finds by ${def.expression}`;
  return { name: def.code, definition: def.url, type: def.type, documentation };
}
