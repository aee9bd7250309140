import { isNumber, numberText } from './decimal.ts';
import type { FhirError } from './error.ts';
import { isObject } from './json.ts';
import type { JsonObject, JsonValue } from './types.ts';
import { FHIR_NS, type Field, type Fields, type FieldTable, xmlError } from './xml-fields.ts';
import { escapeAttribute, narrativeForXml } from './xml-narrative.ts';

/** What XML 1.0 cannot carry, not even as a reference (2.2). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** A property with the id and extensions that belong to it. */
interface Found {
  field: Field;
  value?: JsonValue;
  shadow?: JsonValue;
}

/** Prints a JSON tree as XML, in the order of the element tables (R4 2.6.1). */
export class XmlWriter {
  private readonly table: FieldTable;
  private readonly pretty: boolean;
  private readonly path: string[] = [];
  private out = '';
  private level = 0;

  constructor(table: FieldTable, pretty: boolean) {
    this.table = table;
    this.pretty = pretty;
  }

  document(resource: JsonObject): string {
    this.out = '<?xml version="1.0" encoding="UTF-8"?>';
    this.path.push(typeof resource.resourceType === 'string' ? resource.resourceType : 'Resource');
    this.resource(resource, ` xmlns="${FHIR_NS}"`);
    return this.out;
  }

  private resource(resource: JsonObject, space: string): void {
    const type = resource.resourceType;
    if (typeof type !== 'string' || !this.table.isResource(type)) {
      throw this.error(`has no R4 resource type ("resourceType": ${JSON.stringify(type)})`);
    }
    this.break();
    this.body(type, space, this.sorted(resource, this.table.of(type), 'resourceType'));
  }

  /** The properties in the order of the table; none but `aside` may be left over. */
  private sorted(object: JsonObject, fields: Fields, aside?: string): Found[] {
    const found = new Map<Field, Found>();
    let last = -1;
    let ordered = true;
    for (const name in object) {
      const hidden = name.startsWith('_');
      const field = fields.get(hidden ? name.slice(1) : name);
      if (!field || (hidden && (field.shape !== 'primitive' || field.attribute))) {
        if (name === aside) continue;
        throw this.error(`has a property "${name.slice(0, 64)}" that XML has no place for`);
      }
      const entry = found.get(field) ?? { field };
      if (hidden) entry.shadow = object[name] as JsonValue;
      else entry.value = object[name] as JsonValue;
      found.set(field, entry);
      if (field.order < last) ordered = false;
      last = field.order;
    }
    const list = [...found.values()];
    return ordered ? list : list.sort((a, b) => a.field.order - b.field.order);
  }

  private body(name: string, attributes: string, list: readonly Found[]): void {
    let head = '';
    let children = 0;
    for (const { field, value } of list) {
      if (field.attribute) head += ` ${field.name}="${this.plain(field, value)}"`;
      else children++;
    }
    head += attributes;
    if (children === 0) {
      this.out += `<${name}${head}/>`;
      return;
    }
    this.out += `<${name}${head}>`;
    this.level++;
    for (const entry of list) if (!entry.field.attribute) this.property(entry);
    this.level--;
    this.break();
    this.out += `</${name}>`;
  }

  private property({ field, value, shadow }: Found): void {
    if (!field.many) {
      this.path.push(field.element);
      this.element(field, value, shadow);
      this.path.pop();
      return;
    }
    const values = this.listOf(value, field);
    const shadows = this.listOf(shadow, field);
    const count = Math.max(values.length, shadows.length);
    for (let index = 0; index < count; index++) {
      this.path.push(`${field.element}[${index}]`);
      this.element(field, values[index], shadows[index]);
      this.path.pop();
    }
  }

  private listOf(value: JsonValue | undefined, field: Field): JsonValue[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw this.error(`has one ${field.name} where JSON has an array: write [..]`);
  }

  private element(field: Field, value: JsonValue | undefined, shadow: JsonValue | undefined): void {
    this.break();
    if (field.shape === 'primitive') {
      this.primitive(field, value, shadow);
    } else if (field.shape === 'xhtml') {
      this.out += this.narrative(value);
    } else if (!isObject(value)) {
      throw this.error('is not an object: write {..}');
    } else if (field.shape === 'resource') {
      this.out += `<${field.name}>`;
      this.level++;
      this.resource(value, '');
      this.level--;
      this.break();
      this.out += `</${field.name}>`;
    } else {
      this.body(field.name, '', this.sorted(value, this.table.of(field.type)));
    }
  }

  private primitive(
    field: Field,
    value: JsonValue | undefined,
    shadow: JsonValue | undefined,
  ): void {
    const text =
      value === undefined || value === null ? '' : ` value="${this.plain(field, value)}"`;
    if (shadow === undefined || shadow === null) {
      this.out += `<${field.name}${text}/>`;
      return;
    }
    if (!isObject(shadow)) throw this.error('has no object beside it: write {..}');
    this.body(field.name, text, this.sorted(shadow, this.table.of('Element')));
  }

  private plain(field: Field, value: JsonValue | undefined): string {
    if (isNumber(value) && field.json === 'number') return numberText(value);
    if (typeof value === 'boolean' && field.json === 'boolean') return String(value);
    if (typeof value !== 'string' || field.json !== 'string') {
      throw this.error(`is not a ${field.json}, as ${field.type} is in JSON`);
    }
    const forbidden = FORBIDDEN.exec(value);
    if (forbidden) {
      const code = forbidden[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
      throw this.error(`holds U+${code}, which XML cannot carry: remove it, or read it as JSON`);
    }
    return escapeAttribute(value);
  }

  private narrative(value: JsonValue | undefined): string {
    const div = typeof value === 'string' ? narrativeForXml(value) : undefined;
    if (div === undefined) throw this.error('is not well-formed XHTML: correct it');
    return div;
  }

  private break(): void {
    if (this.pretty) this.out += `\n${'  '.repeat(this.level)}`;
  }

  private error(what: string): FhirError {
    const path = this.path.join('.');
    return xmlError(path, `${path} cannot be written as XML: it ${what}.`);
  }
}
