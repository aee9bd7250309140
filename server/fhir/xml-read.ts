import { SaxesParser, type SaxesTagNS } from 'saxes';
import { numberOf } from './decimal.ts';
import type { FhirError } from './error.ts';
import type { JsonObject, JsonValue, Resource } from './types.ts';
import {
  FHIR_NS,
  type Field,
  type Fields,
  type FieldTable,
  XHTML_NS,
  xmlError,
} from './xml-fields.ts';
import { NarrativeReader } from './xml-narrative.ts';

const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';
const XSI_NS = 'http://www.w3.org/2001/XMLSchema-instance';

/** An element that is open. */
interface Frame {
  /** The step in FHIRPath: `name[0]`, `Patient`; empty for a resource inside its holder. */
  step: string;
  /** The element it is; absent for a resource. */
  field?: Field;
  /** What may stand in it; a holder of a resource (`contained`) has none. */
  fields?: Fields;
  /** Its properties; of a primitive: id and extension. */
  value: JsonObject;
  /** A primitive's value. */
  plain?: JsonValue;
  /** Names of repeating primitives of which one has no value. */
  gaps?: Set<string>;
  /** The resource in a holder. */
  held?: JsonObject;
}

/**
 * Builds the JSON tree from the events of one document (R4 2.6.1 and 2.6.2).
 *
 * Elements may come in any order, as they may in JSON: R4 fixes an order for XML, but repetitions
 * keep theirs and nothing becomes ambiguous. An element that may stand once and stands twice is
 * refused.
 */
export class XmlReader {
  private readonly table: FieldTable;
  private readonly source: string;
  private readonly maxDepth: number;
  private readonly parser = new SaxesParser({
    xmlns: true,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  private readonly frames: Frame[] = [];
  private depth = 0;
  private narrative: NarrativeReader | undefined;
  private root: JsonObject | undefined;

  constructor(table: FieldTable, source: string, maxDepth: number) {
    this.table = table;
    this.source = source;
    this.maxDepth = maxDepth;
  }

  read(): Resource {
    const { parser } = this;
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding && !/^(utf-?8|us-ascii)$/i.test(encoding)) {
        throw this.error(`the encoding ${encoding}`, 'Send UTF-8 and declare it');
      }
    });
    parser.on('doctype', () => {
      throw this.error('a document type declaration', 'Remove <!DOCTYPE ..>: FHIR has none');
    });
    parser.on('opentag', (tag) => this.open(tag));
    parser.on('closetag', () => this.close());
    parser.on('text', (text) => this.text(text));
    parser.on('cdata', (text) => this.text(text));
    parser.on('comment', (text) => this.narrative?.comment(text));
    parser.on('error', ({ message }) => {
      const what = message.replace(/^\d+:\d+: /, '').replace(/\.$/, '');
      const remedy = what.includes('entity')
        ? 'Write the character itself or its number, such as &#160;'
        : 'Send well-formed XML';
      throw this.error(what, remedy);
    });
    parser.write(this.source).close();
    return this.root as Resource;
  }

  private open(tag: SaxesTagNS): void {
    const depth = this.narrative ? this.narrative.depth : this.depth;
    if (depth >= this.maxDepth) {
      throw this.error(`more than ${this.maxDepth} nested elements`, 'Send a flatter structure');
    }
    if (this.narrative) {
      this.narrative.openTag(tag);
      return;
    }
    this.depth++;
    const parent = this.frames.at(-1);
    if (tag.uri !== (this.isDiv(parent, tag) ? XHTML_NS : FHIR_NS)) throw this.wrongSpace(tag);
    if (parent?.fields) this.openField(parent, parent.fields, tag);
    else this.openResource(parent, tag);
  }

  private isDiv(parent: Frame | undefined, tag: SaxesTagNS): boolean {
    return parent?.fields?.get(tag.local)?.shape === 'xhtml';
  }

  private openResource(holder: Frame | undefined, tag: SaxesTagNS): void {
    const type = tag.local;
    if (!this.table.isResource(type)) {
      throw this.error(`<${type}> where a resource belongs`, 'Use the name of an R4 resource type');
    }
    if (holder?.held) throw this.error('a second resource in one element', 'Give each its own');
    const value: JsonObject = { resourceType: type };
    if (holder) holder.held = value;
    else this.root = value;
    this.frames.push({ step: holder ? '' : type, fields: this.table.of(type), value });
    this.attributes(tag, () => false);
  }

  private openField(parent: Frame, fields: Fields, tag: SaxesTagNS): void {
    const field = fields.get(tag.local);
    if (!field) throw this.unknown(tag.local, parent);
    if (field.attribute) {
      throw this.error(
        `<${field.name}> as an element`,
        `Write it as an attribute: ${field.name}=".."`,
      );
    }
    if (!field.many && (field.name in parent.value || field.shadow in parent.value)) {
      throw this.error(`<${field.name}> twice`, 'Keep one: it may stand once only');
    }
    if (field.shape === 'xhtml') {
      this.narrative = new NarrativeReader(this.source, this.parser.position);
      this.narrative.openTag(tag);
    }
    const frame = this.frameOf(field, parent);
    this.frames.push(frame);
    if (field.shape !== 'xhtml')
      this.attributes(tag, (name, text) => this.attribute(frame, name, text));
  }

  private frameOf(field: Field, parent: Frame): Frame {
    const before = parent.value[field.name];
    const index = Array.isArray(before) ? before.length : 0;
    const step = field.many ? `${field.element}[${index}]` : field.element;
    if (field.shape === 'resource') return { step, field, value: {} };
    const fields = this.table.of(field.shape === 'primitive' ? 'Element' : field.type);
    return { step, field, fields, value: {} };
  }

  private attributes(tag: SaxesTagNS, take: (name: string, text: string) => boolean): void {
    const { attributes } = tag;
    for (const key in attributes) {
      const { name, uri, value } = attributes[key] as (typeof attributes)[string];
      if (uri === XMLNS_NS || uri === XSI_NS) continue;
      if (uri !== '' || !take(name, value)) {
        throw this.error(`the unknown attribute ${name}`, 'Remove it, or write it as an element');
      }
    }
  }

  private attribute(frame: Frame, name: string, text: string): boolean {
    const { field } = frame;
    if (field?.shape === 'primitive' && name === 'value') {
      frame.plain = this.convert(field, text);
      return true;
    }
    if (frame.fields?.get(name)?.attribute !== true) return false;
    frame.value[name] = text;
    return true;
  }

  private convert(field: Field, text: string): JsonValue {
    if (field.json === 'string') return text;
    if (field.json === 'boolean') {
      if (text === 'true' || text === 'false') return text === 'true';
      throw this.error(`"${text.slice(0, 40)}" as a boolean`, 'Write true or false');
    }
    // The regular expressions of the R4 integers allow a plus sign, which JSON does not.
    const plain = field.type !== 'decimal' && text.startsWith('+') ? text.slice(1) : text;
    const number = text.length > 1000 ? undefined : numberOf(plain);
    if (number !== undefined) return number;
    throw this.error(
      `"${text.slice(0, 40)}" as ${field.type}`,
      'Write a number such as -12.50 or 1e3',
    );
  }

  private text(text: string): void {
    if (this.narrative) this.narrative.text(text);
    else if (/[^ \t\r\n]/.test(text)) {
      const shown = text.trim().slice(0, 40);
      throw this.error(`the text "${shown}" between elements`, 'Write values as value=".."');
    }
  }

  private close(): void {
    if (this.narrative) {
      const div = this.narrative.closeTag(this.parser.position);
      if (div === undefined) return;
      this.narrative = undefined;
      (this.frames.at(-1) as Frame).plain = div;
    }
    this.depth--;
    const frame = this.frames.at(-1) as Frame;
    for (const name of frame.gaps ?? []) dropEmpty(frame.value, name);
    const { field } = frame;
    const parent = this.frames.at(-2);
    if (field && parent) {
      if (field.shape === 'primitive') this.attachPrimitive(parent, frame, field);
      else attach(parent.value, field, this.contentOf(frame, field));
    }
    this.frames.pop();
  }

  private contentOf(frame: Frame, field: Field): JsonValue {
    if (field.shape === 'xhtml') return frame.plain as string;
    if (field.shape !== 'resource') return frame.value;
    if (frame.held) return frame.held;
    throw this.error('no resource in the element', 'Put one in, or remove the element');
  }

  /** Values and their ids and extensions go to two names, in step where they repeat (R4 2.6.2.3). */
  private attachPrimitive(parent: Frame, frame: Frame, field: Field): void {
    const { plain } = frame;
    const extras = Object.keys(frame.value).length > 0 ? frame.value : undefined;
    if (plain === undefined && !extras) {
      throw this.error('neither a value nor an extension', 'Give it one, or remove the element');
    }
    const { value } = parent;
    if (!field.many) {
      if (plain !== undefined) value[field.name] = plain;
      if (extras) value[field.shadow] = extras;
      return;
    }
    value[field.name] ??= [];
    const list = value[field.name] as JsonValue[];
    list.push(plain ?? null);
    if (plain === undefined) {
      parent.gaps ??= new Set();
      parent.gaps.add(field.name);
    }
    if (extras) value[field.shadow] ??= new Array<JsonValue>(list.length - 1).fill(null);
    (value[field.shadow] as JsonValue[] | undefined)?.push(extras ?? null);
  }

  private wrongSpace(tag: SaxesTagNS): FhirError {
    const space = tag.uri === '' ? 'no namespace' : `the namespace ${tag.uri.slice(0, 80)}`;
    const right = tag.local === 'div' ? XHTML_NS : FHIR_NS;
    return this.error(`<${tag.local.slice(0, 64)}> in ${space}`, `Declare xmlns="${right}"`);
  }

  private unknown(name: string, parent: Frame): FhirError {
    const shape = parent.field?.shape;
    const type =
      shape === 'primitive' ? 'a primitive' : (parent.field?.type ?? parent.value.resourceType);
    return this.error(
      `the unknown element <${name.slice(0, 64)}> of ${type}`,
      'Correct its name or remove it',
    );
  }

  private error(what: string, remedy: string): FhirError {
    const path = this.frames
      .map(({ step }) => step)
      .filter((step) => step !== '')
      .join('.');
    const where = path === '' ? '' : ` (${path})`;
    const { line, column } = this.parser;
    return xmlError(
      path,
      `Invalid XML at line ${line}, column ${column}${where}: ${what}. ${remedy}.`,
    );
  }
}

function attach(object: JsonObject, field: Field, value: JsonValue): void {
  if (!field.many) object[field.name] = value;
  else if (field.name in object) (object[field.name] as JsonValue[]).push(value);
  else object[field.name] = [value];
}

/** Where no repetition has a value, JSON leaves the list out and keeps the extensions only. */
function dropEmpty(object: JsonObject, name: string): void {
  if ((object[name] as JsonValue[]).every((item) => item === null)) delete object[name];
}
