import { parseJson } from '../fhir/json.ts';
import { prettyJson } from '../fhir/json-text.ts';
import type { Resource } from '../fhir/types.ts';
import type { XmlCodec } from '../fhir/xml.ts';
import type { Format } from './negotiate.ts';

/** The JSON text of a resource in the format of the answer; JSON that is not pretty stays as it is. */
export function inFormat(
  xml: XmlCodec,
  text: string,
  { format, pretty }: { format: Format; pretty: boolean },
): string {
  if (format.syntax === 'xml') return xml.toXml(parseJson(text) as Resource, { pretty });
  return pretty ? prettyJson(text) : text;
}
