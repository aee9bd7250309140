import { SaxesParser, type SaxesTagNS } from 'saxes';
import { XHTML_NS } from './xml-fields.ts';

/**
 * Gathers the XHTML of one narrative while its events pass. A div that stands on its own (no
 * prefixes, its own xmlns) is taken from the source to the letter; any other is written anew in that
 * form, with nothing left out.
 */
export class NarrativeReader {
  private readonly source: string;
  private readonly start: number;
  private readonly open: SaxesTagNS[] = [];
  private written = '';
  private literal = true;

  /** @param position of the source just behind the div's start tag */
  constructor(source: string, position: number) {
    this.source = source;
    this.start = source.lastIndexOf('<', position - 1);
  }

  /** Elements that are open. */
  get depth(): number {
    return this.open.length;
  }

  openTag(tag: SaxesTagNS): void {
    const outer = this.open.at(-1);
    this.open.push(tag);
    if (tag.prefix !== '' || (!outer && tag.attributes.xmlns === undefined)) this.literal = false;
    const space = tag.uri === (outer?.uri ?? '') ? '' : ` xmlns="${escapeXml(tag.uri)}"`;
    let text = `<${tag.local}${space}`;
    for (const { name, prefix, value } of Object.values(tag.attributes)) {
      if (prefix === 'xmlns' || name === 'xmlns') {
        if (prefix === 'xmlns' && name !== 'xmlns') this.literal = false;
      } else {
        text += ` ${name}="${escapeXml(value)}"`;
      }
    }
    this.written += `${text}${tag.isSelfClosing ? '/>' : '>'}`;
  }

  text(text: string): void {
    this.written += escapeXml(text);
  }

  comment(text: string): void {
    this.written += `<!--${text}-->`;
  }

  /**
   * Returns the XHTML with the end of the div, undefined before.
   * @param position of the source just behind the end tag
   */
  closeTag(position: number): string | undefined {
    const tag = this.open.pop() as SaxesTagNS;
    if (!tag.isSelfClosing) this.written += `</${tag.local}>`;
    if (this.open.length > 0) return undefined;
    return this.literal ? this.source.slice(this.start, position) : this.written;
  }
}

/**
 * The div of a JSON tree as it may stand in an XML document, to the letter save for a missing xmlns;
 * undefined where it is no well-formed XHTML div, which would break the document around it.
 */
export function narrativeForXml(div: string): string | undefined {
  const text = div.trim();
  if (!/^<div[\s/>]/.test(text) || !/<\/div\s*>$|\/>$/.test(text)) return undefined;
  const own = /^<div[^>]*\sxmlns\s*=/.test(text)
    ? text
    : `<div xmlns="${XHTML_NS}"${text.slice(4)}`;
  const parser = new SaxesParser({ xmlns: true, position: false });
  let sound = true;
  let root: SaxesTagNS | undefined;
  parser.on('doctype', () => {
    sound = false;
  });
  parser.on('error', () => {
    sound = false;
  });
  parser.on('opentag', (tag) => {
    root ??= tag;
  });
  parser.write(own).close();
  return sound && root?.uri === XHTML_NS ? own : undefined;
}

const SPECIAL = /[&<>"\t\n\r]/;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
};

/** Text for an attribute; white space other than blanks survives normalisation (XML 1.0, 3.3.3). */
export function escapeAttribute(text: string): string {
  if (!SPECIAL.test(text)) return text;
  return text.replace(/[&<>"\t\n\r]/g, (char) => ENTITIES[char] as string);
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (char) => ENTITIES[char] as string);
}
