import type { Resource } from '../../server/fhir/types.ts';
import type { XmlCodec } from '../../server/fhir/xml.ts';
import { nasty, type Random } from './fuzz-random.ts';

/** Wrong XML from the XML of a right resource. */

const insertions = [
  ...[
    '<!DOCTYPE x>',
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
    '&b;',
    '&nbsp;',
    '&#0;',
  ],
  ...[
    '&#xD800;',
    '&#x110000;',
    '<![CDATA[x]]>',
    '<?php x ?>',
    '<?xml version="1.0"?>',
    '<!-- x -->',
  ],
  ...['<!-- -- -->', '<active value="true"/>', '<active/>', '<active></active>', '<x/>', '<x:y/>'],
  ...[
    '<id value="x"/>',
    '<id/>',
    '<contained/>',
    '<contained><Patient/></contained>',
    'text',
    '\0',
  ],
  ...['<active xmlns="urn:x" value="true"/>', '<active value="true" value="false"/>', '</Patient>'],
  ...['<active value=true/>', '<extension url="x"/>', '<extension/>', '<extension url=""/>', '<'],
  ...['<contained><Foo/></contained>', '<contained><Patient/><Patient/></contained>', ']]>', '&'],
  ...['<birthDate value=""/>', '<birthDate value="2021-02-30"/>', '<a>'.repeat(5000), '\ufffe'],
  ...[
    '<name>'.repeat(200),
    `<name given="x"/>`,
    '<name><given value=" "/><given/></name>',
    '\u0085',
  ],
  ...[
    '<text><status value="generated"/><div>x</div></text>',
    '<text><div xmlns="http://x"/></text>',
  ],
];

function cut(random: Random, text: string): string {
  const at = random.below(text.length);
  return text.slice(0, at) + text.slice(at + random.pick([1, 2, 20, 200, text.length]));
}

function insert(random: Random, text: string): string {
  const tags = [...text.matchAll(/>/g)].map(({ index }) => index + 1);
  const at = random.chance(0.7) ? random.pick(tags) : random.below(text.length);
  return text.slice(0, at) + random.pick(insertions) + text.slice(at);
}

function revalue(random: Random, text: string): string {
  const values = [...text.matchAll(/ (?:value|url|id)="([^"]*)"/g)];
  const hit = values.length > 0 ? random.pick(values) : undefined;
  if (!hit) return text;
  const [whole, value = ''] = hit;
  const bad = random.pick(nasty).replaceAll('"', '&quot;');
  const wrong = whole.replace(`"${value}"`, () => `"${bad}"`);
  return text.slice(0, hit.index) + wrong + text.slice(hit.index + whole.length);
}

function repeat(random: Random, text: string): string {
  const elements = [...text.matchAll(/<(\w+)[^<>]*\/>/g)];
  const hit = elements.length > 0 ? random.pick(elements) : undefined;
  if (!hit) return text;
  return text.slice(0, hit.index) + hit[0].repeat(random.pick([1, 2, 50])) + text.slice(hit.index);
}

const rename = (random: Random, text: string): string =>
  text.replace(
    random.pick([/<(\w+) value/, /<(\w+)>/, /xmlns="/, / value=/, /^<\?xml[^>]*>/, /<\/(\w+)>/]),
    random.pick(['<foo value', '<foo>', 'xmlns:x="', ' valve=', '<?xml version="1.1"?>', '']),
  );

const changes = [cut, insert, insert, revalue, revalue, repeat, rename];

/** What the server is to get in place of the XML of a sound resource. */
export function wrongXml(random: Random, codec: XmlCodec, resource: Resource): string | Buffer {
  let text = codec.toXml(resource);
  for (let i = random.below(2); i >= 0; i--) text = random.pick(changes)(random, text);
  if (random.chance(0.03)) return Buffer.from(`\ufeff${text}`, 'utf16le');
  if (random.chance(0.03)) return Buffer.from(text.padEnd(62)).fill(0xff, 60, 62);
  return text;
}
