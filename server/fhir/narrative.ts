import { SaxesParser, type SaxesTagPlain } from 'saxes';

/**
 * Narrative XHTML (R4 2.1.28.0.1 and the invariants txt-1, txt-2): which elements and attributes may
 * stand, and nothing that runs or fetches. What R4 leaves open is closed here: remote images, styles
 * that load, and markup that an HTML parser reads differently from an XML parser.
 */

const XHTML = 'http://www.w3.org/1999/xhtml';
const MAX_FAULTS = 5;
/** Characters. Reading it takes half a second, in which nobody else is served. */
const MAX_LENGTH = 4 * 1024 * 1024;
/** Elements within one another; deeper ones would not pass fhir/xml.ts, nor most browsers. */
const MAX_DEPTH = 100;

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/** txt-1, with dfn's kin of HTML 4 chapter 9 as R4 lists them. */
const ELEMENTS = words(
  'a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 ' +
    'h5 h6 hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ' +
    'ul var',
);

/** txt-1, with the xml:* attributes that XHTML has for lang and white space. */
const ATTRIBUTES = words(
  'abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char ' +
    'charoff charset cite class colspan compact coords dir frame headers height href hreflang hspace ' +
    'id lang longdesc name nowrap rel rev rowspan rules scope shape span src start style summary ' +
    'tabindex title type valign value vspace width xml:lang xml:space xmlns',
);

/** Schemes of links that a reader may follow; relative ones and fragments have none. */
const LINK_SCHEMES = words('http https mailto tel sms ftp urn');
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;
/** Images whose bytes are here already: cid: in mail, data: unless it is a document (SVG). */
const IMAGE_HERE = /^(cid:|data:image\/(png|gif|jpe?g|webp|bmp)[;,])/i;
/** The icons of the specification, which the profiles of published guides show in their narrative. */
const SPECIFICATION = /^https?:\/\/hl7\.org\/fhir\/[\w./-]+\.(png|gif)$/i;
/** Whatever makes a style fetch or run, and escapes that could hide it; url() is looked at apart. */
const ACTIVE_STYLE =
  /image\s*\(|image-set\s*\(|src\s*\(|expression\s*\(|@import|javascript:|behaviou?r\s*:|-moz-binding|\\/i;
const STYLE_URL = /url\s*\(\s*["']?([^"')]*)/gi;

/** Browsers drop these before they read the scheme of a link. */
const trimmed = (url: string): string => url.replace(/[^!-~\u0080-\uffff]+/g, '');

function linkFault(name: string, value: string): string | undefined {
  const scheme = SCHEME.exec(trimmed(value))?.[1]?.toLowerCase();
  if (scheme === undefined || LINK_SCHEMES.has(scheme)) return undefined;
  return `${name} with ${scheme}: is refused; link to http, https, mailto, tel or a relative address`;
}

function imageFault(value: string): string | undefined {
  const url = trimmed(value);
  if (IMAGE_HERE.test(url) || SPECIFICATION.test(url)) return undefined;
  if (!SCHEME.test(url) && !url.startsWith('//') && !url.includes('\\')) return undefined;
  return 'an image from elsewhere is refused; use "#id" of a contained resource or data:image';
}

function styleFault(value: string): string | undefined {
  if (ACTIVE_STYLE.test(value)) return 'a style that loads or runs is refused; remove it';
  if (!value.includes('(')) return undefined;
  for (const [, url = ''] of value.matchAll(STYLE_URL)) {
    const fault = imageFault(url);
    if (fault !== undefined) return `style: ${fault}`;
  }
  return undefined;
}

function attributeFault(tag: string, name: string, value: string): string | undefined {
  if (!ATTRIBUTES.has(name))
    return `attribute ${name} of <${tag}> is not allowed; remove it (txt-1)`;
  switch (name) {
    case 'xmlns':
      return value === XHTML ? undefined : `xmlns is not ${XHTML}; correct it`;
    case 'style':
      return styleFault(value);
    case 'src':
      return imageFault(value);
    case 'href':
    case 'cite':
    case 'longdesc':
      return linkFault(name, value);
    default:
      return undefined;
  }
}

class Reader {
  readonly faults: string[] = [];
  content = false;
  private opened = false;
  private depth = 0;

  add(fault: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(fault);
  }

  open(tag: SaxesTagPlain): void {
    if (!this.opened) this.root(tag);
    this.opened = true;
    if (++this.depth === MAX_DEPTH + 1) {
      this.add(`has more than ${MAX_DEPTH} elements within one another; flatten it`);
    }
    if (!ELEMENTS.has(tag.name)) this.add(`<${tag.name}> is not allowed; remove it (txt-1)`);
    if (tag.name === 'img' && tag.attributes.src !== undefined) this.content = true;
    for (const name in tag.attributes) {
      const fault = attributeFault(tag.name, name, tag.attributes[name] ?? '');
      if (fault !== undefined) this.add(fault);
    }
  }

  close(): void {
    this.depth--;
  }

  private root(tag: SaxesTagPlain): void {
    if (tag.name !== 'div') this.add(`the root is <${tag.name}>; wrap the narrative in one <div>`);
    if (tag.attributes.xmlns === undefined)
      this.add(`<div> has no namespace; add xmlns="${XHTML}"`);
  }

  /** `<!-->` ends a comment for an HTML parser, so that what follows would become live. */
  comment(text: string): void {
    if (text.startsWith('>') || text.startsWith('->') || text.includes('--!>')) {
      this.add('a comment that HTML would end early is refused; remove it');
    }
  }
}

/**
 * What is wrong with the XHTML text of Narrative.div, at most five faults, each with what to do; empty
 * where it is sound. Never throws, linear in the text.
 */
export function narrativeFaults(xhtml: string): readonly string[] {
  if (xhtml.length > MAX_LENGTH) return ['is longer than 4 MB; shorten it or use an Attachment'];
  const reader = new Reader();
  const parser = new SaxesParser<{ xmlns: false; position: false }>({
    xmlns: false,
    position: false,
  });
  parser.on('error', (error) => {
    reader.add(`is not well-formed XHTML (${error.message}); correct the markup`);
  });
  parser.on('opentag', (tag) => reader.open(tag));
  parser.on('closetag', () => reader.close());
  parser.on('text', (text) => {
    if (!reader.content && /\S/.test(text)) reader.content = true;
  });
  parser.on('comment', (text) => reader.comment(text));
  parser.on('xmldecl', () => reader.add('an XML declaration is refused; start with <div>'));
  parser.on('doctype', () => reader.add('a DOCTYPE is refused; remove it'));
  parser.on('cdata', () => reader.add('CDATA is refused; write &lt; and &amp; in its place'));
  parser.on('processinginstruction', () => {
    reader.add('a processing instruction is refused; remove it');
  });
  try {
    parser.write(xhtml).close();
  } catch (error) {
    reader.add(`is not well-formed XHTML (${String(error)}); correct the markup`);
  }
  if (!reader.content && reader.faults.length === 0) {
    reader.add('has neither text nor an image; add some or leave the narrative out (txt-2)');
  }
  return reader.faults;
}
