import type { Definitions, ElementDef } from './definitions.ts';
import { FhirError } from './error.ts';

export const FHIR_NS = 'http://hl7.org/fhir';
export const XHTML_NS = 'http://www.w3.org/1999/xhtml';

/** How an element is written in XML. */
export type Shape = 'primitive' | 'complex' | 'resource' | 'xhtml';

/** An element under its JSON name, which is its XML name too (R4 2.6.1, 2.6.2). */
export interface Field {
  /** `birthDate`, `valueQuantity`. */
  name: string;
  /** The JSON name of a primitive's id and extensions: `_birthDate`. */
  shadow: string;
  /** The name in FHIRPath: `value` for `valueQuantity`. */
  element: string;
  type: string;
  shape: Shape;
  /** What a primitive is in JSON. */
  json: 'string' | 'number' | 'boolean';
  many: boolean;
  attribute: boolean;
  /** Its place among its siblings in XML, which has a fixed order (R4 2.6.1). */
  order: number;
}

export type Fields = ReadonlyMap<string, Field>;

/** The elements of every type as XML needs them, prepared when a type is first met. */
export class FieldTable {
  private readonly definitions: Definitions;
  private readonly resources: ReadonlySet<string>;
  private readonly known = new Map<string, Fields>();

  constructor(definitions: Definitions) {
    this.definitions = definitions;
    this.resources = new Set(definitions.resourceTypes);
  }

  isResource(name: string): boolean {
    return this.resources.has(name);
  }

  of(type: string): Fields {
    let fields = this.known.get(type);
    if (!fields) {
      fields = this.build(type);
      this.known.set(type, fields);
    }
    return fields;
  }

  private build(type: string): Fields {
    const fields = new Map<string, Field>();
    for (const element of this.definitions.types.get(type)?.elements ?? []) {
      for (const option of element.types) {
        const name = element.choice ? element.name + capitalised(option) : element.name;
        fields.set(name, this.field(name, element, option, fields.size));
      }
    }
    return fields;
  }

  private field(name: string, element: ElementDef, type: string, order: number): Field {
    const def = this.definitions.types.get(type);
    return {
      name,
      shadow: `_${name}`,
      element: element.name,
      type,
      shape: shapeOf(type, def?.kind === 'primitive'),
      json: def?.json ?? 'string',
      many: element.max !== 1 && element.max !== 0,
      attribute: element.attribute === true,
      order,
    };
  }
}

function shapeOf(type: string, primitive: boolean): Shape {
  if (type === 'Resource') return 'resource';
  if (type === 'xhtml') return 'xhtml';
  return primitive ? 'primitive' : 'complex';
}

function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The error of both directions, at an element. */
export function xmlError(expression: string, diagnostics: string): FhirError {
  const issue = { severity: 'error' as const, code: 'structure', diagnostics };
  return new FhirError('invalid', [expression === '' ? issue : { ...issue, expression }]);
}
