import { CATEGORIES, SHARED_TYPES } from './consent-parts.ts';
import type { Form } from './form.ts';
import { describe, OPS, parseScopes, type ResourceScope } from './scopes.ts';

/** What the consent page offers for the scopes of a request, and what the ticks come to. */

/** A part of a scope that can be shared alone. */
export interface Part {
  /** Name of its tick in the form. */
  field: string;
  words: string;
  scope: string;
}

/** One tick, with narrower ones below it where the scope has parts. */
export interface Offer {
  field: string;
  words: string;
  /** The scopes as the app asked for them. */
  scopes: readonly string[];
  /** What the parts are, for the heading above them. */
  kind: 'types' | 'categories' | undefined;
  parts: readonly Part[];
}

export interface Offers {
  /** By whose data it is about. */
  resources: Record<'patient' | 'user', readonly Offer[]>;
  identity: Offer | undefined;
  /** Access that goes on after the visit: `offline_access`, `online_access`. */
  lasting: readonly Offer[];
}

/** The offers for a list of scopes. */
export function offersOf(scope: string): Offers {
  const { scopes, identity } = parseScopes(scope);
  const offers = scopes.map((one, at) => ({ context: one.context, offer: resourceOffer(one, at) }));
  const of = (context: string): Offer[] =>
    offers.filter((one) => one.context === context).map(({ offer }) => offer);
  return {
    resources: { patient: of('patient'), user: of('user') },
    identity: identity.openid ? identityOffer(identity.fhirUser) : undefined,
    lasting: [
      ...(identity.offline ? [other('offline', 'offline_access')] : []),
      ...(identity.online ? [other('online', 'online_access')] : []),
    ],
  };
}

const other = (field: string, ...scopes: string[]): Offer => ({
  ...{ field, scopes, kind: undefined, parts: [] },
  words: scopes.map((one) => describe(one)).join(' and '),
});

const identityOffer = (fhirUser: boolean): Offer =>
  fhirUser ? other('identity', 'openid', 'fhirUser') : other('identity', 'openid');

function resourceOffer(scope: ResourceScope, at: number): Offer {
  const field = `scope-${at}`;
  const parts = partsOf(scope).map((part, index) => ({ ...part, field: `${field}-${index}` }));
  const kind = scope.type === '*' ? 'types' : 'categories';
  return {
    ...{ field, words: describe(scope), scopes: [scope.text], parts },
    kind: parts.length > 0 ? kind : undefined,
  };
}

/** Only whole types are cut: what is granular already says itself what it is about. */
function partsOf(scope: ResourceScope): Omit<Part, 'field'>[] {
  const { context, type, query, text } = scope;
  if (query.length > 0) return [];
  if (type === '*') {
    return SHARED_TYPES.map((one) => {
      const narrowed = text.replace('/*.', `/${one}.`);
      const [parsed] = parseScopes(narrowed).scopes;
      return { scope: narrowed, words: parsed ? describe(parsed) : one };
    });
  }
  const letters = OPS.filter((op) => scope.ops.has(op)).join('');
  const categories = Object.hasOwn(CATEGORIES, type) ? (CATEGORIES[type] ?? []) : [];
  return categories.map(({ token, words }) => ({
    ...{ words, scope: `${context}/${type}.${letters}?category=${token}` },
  }));
}

/**
 * The scopes that were agreed to: of each that is ticked all, or only its ticked parts. The launch
 * scopes stay, as they say what the app is about. Empty where nothing was ticked.
 */
export function agreedScope(scope: string, form: Form): string {
  const { resources, identity, lasting } = offersOf(scope);
  const ticked = (offers: readonly (Offer | undefined)[]): string[] =>
    offers.flatMap((offer) => (offer && form.has(offer.field) ? chosen(offer, form) : []));
  const [data, self] = [ticked([...resources.patient, ...resources.user]), ticked([identity])];
  const { launch } = parseScopes(scope);
  const isAny = data.length > 0 || self.length > 0 || isLaunchOnly(scope);
  return isAny ? [...self, ...ticked(lasting), ...launch, ...data].join(' ') : '';
}

/** The app asks for nothing that could be ticked. */
function isLaunchOnly(scope: string): boolean {
  const { scopes, identity } = parseScopes(scope);
  return scopes.length === 0 && !identity.openid;
}

function chosen({ scopes, parts }: Offer, form: Form): readonly string[] {
  const some = parts.filter(({ field }) => form.has(field)).map((part) => part.scope);
  return some.length > 0 ? some : scopes;
}
