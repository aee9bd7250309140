import { FhirError } from '../fhir/error.ts';

/** R4 3.1.0.1.11 Content types and encodings. */
export type Syntax = 'json' | 'xml';

/** How a body is written: its syntax and the media type that the caller named for it. */
export interface Format {
  syntax: Syntax;
  contentType: string;
}

/** What a request body is, by its Content-Type. */
export type BodyKind = Syntax | 'json-patch' | 'form';

interface MediaType {
  name: string;
  parameters: Map<string, string>;
}

interface Range extends MediaType {
  quality: number;
}

/** In the server's order of preference: the first answers `*`/`*`. */
const offers: readonly Format[] = (
  [
    ['application/fhir+json', 'json'],
    ['application/json', 'json'],
    ['text/json', 'json'],
    ['application/fhir+xml', 'xml'],
    ['application/xml', 'xml'],
    ['text/xml', 'xml'],
  ] as const
).map(([name, syntax]) => ({ syntax, contentType: `${name}; charset=utf-8` }));

const offerOf = (name: string): Format | undefined =>
  offers.find((offer) => offer.contentType.startsWith(`${name};`));

export const fhirJson = offers[0] as Format;
const fhirXml = offers[3] as Format;

const SUPPORTED = 'json, xml, application/fhir+json, application/fhir+xml and their generic forms';

/** Clients send the same few Accept texts for ever; the map is emptied when someone does not. */
const remembered = new Map<string, Format>();
const REMEMBERED_MAX = 200;

/**
 * The format of the answer: `_format` wins over `Accept` (R4 3.1.0.1.12). A generic media type is
 * answered with itself. Throws FhirError not-acceptable.
 */
export function answerFormat(format: string | undefined, accept: string | undefined): Format {
  if (format !== undefined) return formatParameter(format);
  if (accept === undefined || accept === '*/*') return fhirJson;
  const known = remembered.get(accept);
  if (known) return known;
  const chosen = acceptHeader(accept);
  if (remembered.size >= REMEMBERED_MAX) remembered.clear();
  remembered.set(accept, chosen);
  return chosen;
}

function formatParameter(text: string): Format {
  const short = text.toLowerCase();
  if (short === 'json') return fhirJson;
  if (short === 'xml') return fhirXml;
  // An unencoded `+` of `application/fhir+json` has arrived as a space.
  const asked = parseMediaType(text.replaceAll(' ', '+'));
  const offer = offerOf(asked.name);
  if (!offer || !isOurVersion(asked)) {
    throw new FhirError('not-acceptable', `_format "${clip(text)}" is not one of ${SUPPORTED}.`);
  }
  return offer;
}

function acceptHeader(accept: string): Format {
  const ranges = accept.split(',').map(parseRange);
  let best: { offer: Format; quality: number; exact: number } | undefined;
  for (const offer of offers) {
    const { quality, exact } = qualityOf(nameOf(offer), ranges);
    const better =
      !best || quality > best.quality || (quality === best.quality && exact > best.exact);
    if (quality > 0 && better) best = { offer, quality, exact };
  }
  if (!best) {
    const hint = `Accept one of application/fhir+json and application/fhir+xml (FHIR 4.0).`;
    throw new FhirError('not-acceptable', `Nothing in Accept can be served. ${hint}`);
  }
  return best.offer;
}

/**
 * Whether a Binary is wanted as the bytes it holds and not as a resource (R4 Binary, "Serving Binary
 * Resources using the RESTful API"): FHIR is not acceptable, or its own media type is more welcome.
 */
export function prefersRaw(contentType: string, accept: string | undefined): boolean {
  if (accept === undefined) return false;
  const ranges = accept.split(',').map(parseRange);
  const best = Math.max(...offers.map((offer) => qualityOf(nameOf(offer), ranges).quality));
  return best === 0 || qualityOf(parseMediaType(contentType).name, ranges).quality > best;
}

/** Whether a Content-Type is one of FHIR's, the generic ones included. */
export const isFhirType = (contentType: string): boolean =>
  offerOf(parseMediaType(contentType).name) !== undefined;

const nameOf = ({ contentType }: Format): string => contentType.slice(0, contentType.indexOf(';'));

/** RFC 9110 12.5.1: the most specific range that matches decides. */
function qualityOf(name: string, ranges: readonly Range[]): { quality: number; exact: number } {
  const group = `${name.slice(0, name.indexOf('/'))}/*`;
  let quality = 0;
  let exact = 0;
  for (const range of ranges) {
    const match = range.name === name ? 3 : range.name === group ? 2 : range.name === '*/*' ? 1 : 0;
    if (match > exact && isOurVersion(range)) {
      quality = range.quality;
      exact = match;
    }
  }
  return { quality, exact };
}

function parseRange(text: string): Range {
  const media = parseMediaType(text);
  const quality = Number(media.parameters.get('q') ?? 1);
  return { ...media, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

function parseMediaType(text: string): MediaType {
  const [name = '', ...rest] = text.split(';');
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const [key = '', value = ''] = parameter.split('=', 2);
    parameters.set(
      key.trim().toLowerCase(),
      value
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .toLowerCase(),
    );
  }
  return { name: name.trim().toLowerCase(), parameters };
}

/** R4 2.1.0.11.1: `fhirVersion=4.0` may stand beside the type; another version is not ours. */
function isOurVersion(media: MediaType): boolean {
  const version = media.parameters.get('fhirversion');
  return version === undefined || version === '4.0' || version === '4.0.1';
}

const bodyKinds: Readonly<Record<string, BodyKind>> = {
  'application/json-patch+json': 'json-patch',
  'application/x-www-form-urlencoded': 'form',
};

/**
 * What a request body is. `allowed` lists what the interaction takes. Throws FhirError
 * unsupported-media where the type is absent, unknown, not UTF-8 or not R4.
 */
export function bodyKind(contentType: string | undefined, allowed: readonly BodyKind[]): BodyKind {
  if (contentType === 'application/fhir+json' && allowed.includes('json')) return 'json';
  if (contentType === undefined) throw unsupported('The Content-Type header is missing.', allowed);
  const media = parseMediaType(contentType);
  const kind = bodyKinds[media.name] ?? offerOf(media.name)?.syntax;
  if (!kind || !allowed.includes(kind)) {
    throw unsupported(`Content-Type "${clip(contentType)}" is not taken here.`, allowed);
  }
  const charset = media.parameters.get('charset') ?? 'utf-8';
  if (charset !== 'utf-8' && charset !== 'utf8') {
    throw unsupported(`The charset "${clip(charset)}" is not UTF-8 (R4 3.1.0.1.11).`, allowed);
  }
  if (!isOurVersion(media)) throw unsupported('This server speaks FHIR 4.0 only.', allowed);
  return kind;
}

const kindNames: Record<BodyKind, string> = {
  json: 'application/fhir+json',
  xml: 'application/fhir+xml',
  'json-patch': 'application/json-patch+json',
  form: 'application/x-www-form-urlencoded',
};

function unsupported(why: string, allowed: readonly BodyKind[]): FhirError {
  const names = allowed.map((kind) => kindNames[kind]).join(' or ');
  return new FhirError('unsupported-media', `${why} Send ${names}.`);
}

const clip = (text: string): string => text.slice(0, 80);
