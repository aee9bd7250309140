/**
 * Bundles put together as text: the resources in them are stored JSON, so nothing is parsed. Every
 * argument that is JSON already says so; the rest is quoted here.
 */
export interface BundleParts {
  type: 'searchset' | 'history' | 'batch-response' | 'transaction-response';
  id: string;
  /** Unix ms. */
  lastUpdated: number;
  total?: number | undefined;
  links?: readonly Link[];
  /** The JSON texts of the entries. */
  entries: readonly string[];
}

export interface Link {
  relation: 'self' | 'first' | 'previous' | 'next';
  url: string;
}

/** The JSON text of a Bundle (R4 Bundle), its elements in the standard's order. */
export function bundleText(parts: BundleParts): string {
  const meta = `{"lastUpdated":"${new Date(parts.lastUpdated).toISOString()}"}`;
  const total = parts.total === undefined ? '' : `,"total":${parts.total}`;
  const links = (parts.links ?? []).map(linkText).join(',');
  const link = links === '' ? '' : `,"link":[${links}]`;
  // An empty array is not allowed in FHIR JSON (R4 2.6.2).
  const entry = parts.entries.length === 0 ? '' : `,"entry":[${parts.entries.join(',')}]`;
  const head = `{"resourceType":"Bundle","id":"${parts.id}","meta":${meta},"type":"${parts.type}"`;
  return `${head}${total}${link}${entry}}`;
}

const linkText = ({ relation, url }: Link): string =>
  `{"relation":"${relation}","url":${JSON.stringify(url)}}`;

/**
 * A URL of the server with these parameters. What a query may hold as it is (RFC 3986 3.4) stays
 * readable; `|` is encoded.
 */
export function urlWith(path: string, parameters: readonly (readonly [string, string])[]): string {
  if (parameters.length === 0) return path;
  const query = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  return `${path}?${query}`;
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/%(?:3A|2C|2F|24|40)/g, (part) => decodeURIComponent(part));
