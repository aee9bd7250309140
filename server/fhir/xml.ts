import { isUtf8 } from 'node:buffer';
import type { Definitions } from './definitions.ts';
import { MAX_DEPTH } from './json-limits.ts';
import type { Resource } from './types.ts';
import { FieldTable, xmlError } from './xml-fields.ts';
import { XmlReader } from './xml-read.ts';
import { XmlWriter } from './xml-write.ts';

export interface XmlLimits {
  /** Nested elements, and as many within a narrative; default 100. */
  maxDepth?: number;
}

/** FHIR XML (R4 2.6.1) to and from the tree that `json.ts` has (R4 2.6.2); no information is lost. */
export interface XmlCodec {
  /**
   * Reads one resource from XML in UTF-8. Comments and processing instructions are skipped (those
   * in narratives kept); document types, entities and all that R4 does not know are refused.
   * @throws FhirError `invalid` naming line, column, path and remedy
   */
  fromXml(bytes: Uint8Array, limits?: XmlLimits): Resource;
  /**
   * Prints a resource with an XML declaration, elements in the order of R4.
   * @throws FhirError `invalid` for what XML has no place for: unknown properties, wrong JSON types,
   *   control characters, a narrative that is not well-formed
   */
  toXml(resource: Resource, options?: { pretty?: boolean }): string;
}

export function xmlCodec(definitions: Definitions): XmlCodec {
  const table = new FieldTable(definitions);
  return {
    fromXml: (bytes, { maxDepth = MAX_DEPTH } = {}) =>
      new XmlReader(table, decode(bytes), maxDepth).read(),
    toXml: (resource, { pretty = false } = {}) => new XmlWriter(table, pretty).document(resource),
  };
}

function decode(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  throw xmlError('', 'The body is not valid UTF-8. Send XML encoded in UTF-8, and declare it so.');
}
