import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { deepEqual, parseJson, parseResource, stringify } from '../../server/fhir/json.ts';
import { loadDefinitions } from '../../server/fhir/load-definitions.ts';
import type { Resource } from '../../server/fhir/types.ts';
import { xmlCodec } from '../../server/fhir/xml.ts';

const { fromXml, toXml } = xmlCodec(loadDefinitions());
const EXAMPLES = new URL('../../node_modules/hl7.fhir.r4.examples/', import.meta.url);
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';
const DIV = '<div xmlns="http://www.w3.org/1999/xhtml">';

const json = (text: string) => parseJson(text) as Resource;
const read = (text: string) => stringify(fromXml(Buffer.from(text)));
const patient = (inner: string) => `<Patient xmlns="http://hl7.org/fhir">${inner}</Patient>`;

function refusal(act: () => unknown): FhirError {
  try {
    act();
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('fromXml() and toXml()', () => {
  it.each([
    ['an empty resource', '', {}],
    ['a primitive', '<birthDate value="1970-03-30"/>', { birthDate: '1970-03-30' }],
    ['a boolean of a choice', '<deceasedBoolean value="false"/>', { deceasedBoolean: false }],
    ['an integer of a choice', '<multipleBirthInteger value="3"/>', { multipleBirthInteger: 3 }],
    [
      'id and extension of a primitive',
      '<birthDate id="b" value="1970-03-30"><extension url="http://x.org/t">' +
        '<valueDateTime value="1970-03-30T12:00:00Z"/></extension></birthDate>',
      {
        birthDate: '1970-03-30',
        _birthDate: {
          id: 'b',
          extension: [{ url: 'http://x.org/t', valueDateTime: '1970-03-30T12:00:00Z' }],
        },
      },
    ],
    ['an id without a value', '<birthDate id="b"/>', { _birthDate: { id: 'b' } }],
    [
      'gaps in a repeating primitive',
      '<name><given value="A"/><given id="g"/><given value="C"/></name>',
      { name: [{ given: ['A', null, 'C'], _given: [null, { id: 'g' }, null] }] },
    ],
    [
      'a repeating primitive without values',
      '<name><given id="g"/><given id="h"/></name>',
      { name: [{ _given: [{ id: 'g' }, { id: 'h' }] }] },
    ],
    [
      'contained resources',
      '<contained><Organization><id value="o"/></Organization></contained>' +
        '<contained><Patient><active value="true"/></Patient></contained>',
      {
        contained: [
          { resourceType: 'Organization', id: 'o' },
          { resourceType: 'Patient', active: true },
        ],
      },
    ],
    [
      'the id of an element',
      '<contact id="c"><name><family value="F"/></name></contact>',
      { contact: [{ id: 'c', name: { family: 'F' } }] },
    ],
    [
      'white space and signs in a value',
      '<name><text value="a&#xA;b&#x9;c&#xD;&lt;&amp;&gt;&quot;\'  é😀"/></name>',
      { name: [{ text: 'a\nb\tc\r<&>"\'  é😀' }] },
    ],
    [
      'a narrative, to the letter',
      `<text><status value="generated"/>${DIV}<p class='x'>a <br />&#160;&lt;b<!-- c -->\n</p></div></text>`,
      {
        text: {
          status: 'generated',
          div: `${DIV}<p class='x'>a <br />&#160;&lt;b<!-- c -->\n</p></div>`,
        },
      },
    ],
  ])('carry %s', (_, xml, properties) => {
    const resource = { resourceType: 'Patient', ...properties } as Resource;
    expect(fromXml(Buffer.from(patient(xml)))).toEqual(resource);
    expect(toXml(resource)).toBe(
      DECLARATION + (xml ? patient(xml) : '<Patient xmlns="http://hl7.org/fhir"/>'),
    );
  });

  it.each(['1.00', '1e3', '-0', '12345678901234567890.120', '0.0000001'])(
    'keep the text of the decimal %s',
    (number) => {
      const text = `{"resourceType":"Observation","valueQuantity":{"value":${number}}}`;
      expect(toXml(json(text))).toContain(`<value value="${number}"/>`);
      expect(read(toXml(json(text)))).toBe(text);
    },
  );

  it('carry every kind of entry in Bundle and Parameters', () => {
    const bundle = json(`{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":
      {"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","valueCode":"c"}]},
      {"name":"d","resource":{"resourceType":"Patient"}}]}},{"request":{"method":"GET","url":"x"}}]}`);
    expect(fromXml(Buffer.from(toXml(bundle)))).toEqual(bundle);
    expect(fromXml(Buffer.from(toXml(bundle, { pretty: true })))).toEqual(bundle);
  });

  it('lose nothing of the examples of R4', () => {
    const files = readdirSync(EXAMPLES).filter((name) => /^[A-Z].*\.json$/.test(name));
    // Definitions, of which there are thousands of one kind, by every fortieth; and not the
    // collections of them, which hold the same again in 100 MB.
    const bulk = /^(SearchParameter|ValueSet|CodeSystem|StructureDefinition)-/;
    const sample = files
      .filter((name, index) => !bulk.test(name) || index % 40 === 0)
      .filter((name) => statSync(new URL(name, EXAMPLES)).size < 1_000_000);
    expect(sample.length).toBeGreaterThan(900);
    const different = sample.filter((name, index) => {
      const resource = parseResource(readFileSync(new URL(name, EXAMPLES)));
      const back = fromXml(Buffer.from(toXml(resource, { pretty: index % 2 === 0 })));
      return !deepEqual(resource, back);
    });
    expect(different).toEqual([]);
  });
});

describe('fromXml()', () => {
  it.each([
    ['prefixes', '<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"/></f:Patient>'],
    ['a byte order mark', `\ufeff${patient('<active value="true"/>')}`],
    [
      'comments and instructions',
      `<?xml version="1.0"?><!-- a --><?b c?>${patient('<!-- d --><active value="true"/>')}`,
    ],
    [
      'a schema location',
      '<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ' +
        'xsi:schemaLocation="http://hl7.org/fhir ../fhir-all.xsd">\r\n\t<active value="true"/>\n</Patient>',
    ],
  ])('reads past %s', (_, xml) => {
    expect(read(xml)).toBe('{"resourceType":"Patient","active":true}');
  });

  it('takes siblings in any order, repetitions in theirs', () => {
    const xml = patient(
      '<gender value="male"/><name><text value="1"/></name><id value="a"/><name><text value="2"/></name>',
    );
    expect(fromXml(Buffer.from(xml))).toEqual({
      resourceType: 'Patient',
      gender: 'male',
      name: [{ text: '1' }, { text: '2' }],
      id: 'a',
    });
  });

  it('drops the plus sign of an integer, which JSON does not have', () => {
    expect(read(patient('<multipleBirthInteger value="+2"/>'))).toContain(
      '"multipleBirthInteger":2',
    );
  });

  it.each([
    [
      'prefixes',
      '<h:div><h:p h:x="" title="&quot;a&quot;">b &amp; c<h:br/></h:p></h:div>',
      '<p h:x="" title="&quot;a&quot;">b &amp; c<br/></p>',
    ],
    ['comments', '<h:div>a<!-- b -->c</h:div>', 'a<!-- b -->c'],
    ['CDATA', '<h:div>a<![CDATA[<b>]]></h:div>', 'a&lt;b&gt;'],
    [
      'another namespace',
      '<h:div><m xmlns="http://m.org"><n/></m></h:div>',
      '<m xmlns="http://m.org"><n/></m>',
    ],
  ])('rewrites a narrative with %s so that it stands on its own', (_, div, inner) => {
    const xml = `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text>${div}</text></Patient>`;
    const { text } = fromXml(Buffer.from(xml)) as unknown as { text: { div: string } };
    expect(text.div).toBe(`${DIV}${inner}</div>`);
  });

  it.each([
    [
      'an unknown element',
      patient('<name><given value="a"/><first value="b"/></name>'),
      '<first> of HumanName',
      'Patient.name[0]',
    ],
    ['an unknown type', '<Foo xmlns="http://hl7.org/fhir"/>', 'resource type', undefined],
    [
      'an abstract type',
      '<DomainResource xmlns="http://hl7.org/fhir"/>',
      'resource type',
      undefined,
    ],
    [
      'a data type as resource',
      '<HumanName xmlns="http://hl7.org/fhir"/>',
      'resource type',
      undefined,
    ],
    ['no namespace', '<Patient/>', 'no namespace', undefined],
    ['another namespace', '<Patient xmlns="urn:hl7-org:v3"/>', 'urn:hl7-org:v3', undefined],
    [
      'a div outside XHTML',
      patient('<text><div>a</div></text>'),
      'xmlns="http://www.w3.org/1999/xhtml"',
      'Patient.text',
    ],
    [
      'an unknown attribute',
      patient('<active valve="true"/>'),
      'attribute valve',
      'Patient.active',
    ],
    [
      'an attribute on a resource',
      '<Patient xmlns="http://hl7.org/fhir" id="x"/>',
      'attribute id',
      'Patient',
    ],
    [
      'a value on a complex element',
      patient('<name value="x"/>'),
      'attribute value',
      'Patient.name[0]',
    ],
    [
      'url as an element',
      patient('<extension><url value="x"/></extension>'),
      'attribute',
      'Patient.extension[0]',
    ],
    ['text', patient('<active value="true">yes</active>'), '"yes"', 'Patient.active'],
    ['CDATA', patient('<![CDATA[x]]>'), '"x"', 'Patient'],
    [
      'a second element where one may stand',
      patient('<active value="true"/><active value="true"/>'),
      'twice',
      'Patient',
    ],
    ['an empty element', patient('<active/>'), 'neither a value', 'Patient.active'],
    ['a boolean that is none', patient('<active value="1"/>'), 'true or false', 'Patient.active'],
    [
      'an integer that is none',
      patient('<multipleBirthInteger value=" 3"/>'),
      'integer',
      'Patient.multipleBirth',
    ],
    [
      'two resources in one place',
      patient('<contained><Patient/><Patient/></contained>'),
      'second resource',
      'Patient.contained[0]',
    ],
    ['no resource in its place', patient('<contained/>'), 'no resource', 'Patient.contained[0]'],
    [
      'a child of a primitive',
      patient('<active value="true"><name/></active>'),
      '<name> of a primitive',
      'Patient.active',
    ],
    [
      'a document type',
      `<!DOCTYPE Patient SYSTEM "file:///etc/passwd">${patient('')}`,
      'document type',
      undefined,
    ],
    [
      'a billion laughs',
      `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>${patient('<id value="&b;"/>')}`,
      'document type',
      undefined,
    ],
    ['an HTML entity', patient(`<text>${DIV}&nbsp;</div></text>`), '&#160;', 'Patient.text.div'],
    ['U+0000', patient('<id value="&#0;"/>'), 'Invalid XML', 'Patient'],
    ['a control character', patient('<id value="&#1;"/>'), 'Invalid XML', 'Patient'],
    ['half of a surrogate pair', patient('<id value="&#xD83D;"/>'), 'Invalid XML', 'Patient'],
    ['a repeated attribute', patient('<id value="a" value="b"/>'), 'Invalid XML', 'Patient'],
    ['an unbound prefix', patient('<a:id value="a"/>'), 'Invalid XML', 'Patient'],
    ['an open element', '<Patient xmlns="http://hl7.org/fhir">', 'Invalid XML', 'Patient'],
    ['an empty body', '', 'Invalid XML', undefined],
    ['JSON', '{"resourceType":"Patient"}', 'Invalid XML', undefined],
    [
      'another encoding',
      `<?xml version="1.0" encoding="ISO-8859-1"?>${patient('')}`,
      'UTF-8',
      undefined,
    ],
    ['100,000 nested elements', patient('<extension>'.repeat(100_000)), '100 nested', undefined],
    [
      '100,000 nested divs',
      patient(`<text>${DIV}${'<div>'.repeat(100_000)}`),
      '100 nested',
      'Patient.text.div',
    ],
    ['__proto__', patient('<__proto__ value="x"/>'), '__proto__', 'Patient'],
  ])('refuses %s', (_, xml, part, expression) => {
    const error = refusal(() => fromXml(Buffer.from(xml)));
    expect(error.status).toBe(400);
    expect(error.message).toContain(part);
    expect(error.message).toMatch(/^Invalid XML at line \d+, column \d+/);
    if (expression) expect(error.issues[0]!.expression).toBe(expression);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(() => fromXml(Buffer.from(patient('<id value="é"/>'), 'latin1'))).status).toBe(
      400,
    );
    expect(refusal(() => fromXml(Buffer.from(patient(''), 'utf16le'))).status).toBe(400);
  });
});

describe('toXml()', () => {
  it('writes elements in the order of R4, whatever the order of the JSON', () => {
    const xml = toXml(
      json(
        '{"gender":"male","id":"a","name":[{"given":["G"],"family":"F"}],"resourceType":"Patient"}',
      ),
    );
    expect(xml).toContain(
      '<id value="a"/><name><family value="F"/><given value="G"/></name><gender value="male"/>',
    );
  });

  it('indents all but the narrative on request', () => {
    const div = `${DIV}<p>a</p></div>`;
    const resource = { resourceType: 'Patient', text: { status: 'generated', div }, active: true };
    expect(toXml(resource as Resource, { pretty: true })).toBe(
      [
        DECLARATION,
        '<Patient xmlns="http://hl7.org/fhir">',
        '  <text>',
        '    <status value="generated"/>',
        `    ${div}`,
        '  </text>',
        '  <active value="true"/>',
        '</Patient>',
      ].join('\n'),
    );
  });

  it('adds the namespace that a div lacks', () => {
    const resource = json('{"resourceType":"Patient","text":{"div":"<div><p/></div>"}}');
    expect(toXml(resource)).toContain(`<text>${DIV}<p/></div></text>`);
  });

  it.each([
    ['an unknown type', '{"resourceType":"Foo"}', 'Foo'],
    ['an unknown property', '{"resourceType":"Patient","fhir_comments":["x"]}', 'fhir_comments'],
    ['extensions on a complex element', '{"resourceType":"Patient","_name":[{"id":"x"}]}', '_name'],
    [
      'resourceType in a data type',
      '{"resourceType":"Patient","name":[{"resourceType":"x"}]}',
      'name[0]',
    ],
    ['one value for an array', '{"resourceType":"Patient","name":{}}', 'array'],
    ['an array for one value', '{"resourceType":"Patient","gender":["male"]}', 'Patient.gender'],
    ['a string for a boolean', '{"resourceType":"Patient","active":"true"}', 'boolean'],
    ['a number for a string', '{"resourceType":"Patient","gender":1.0}', 'string'],
    ['a string for an object', '{"resourceType":"Patient","name":["x"]}', 'object'],
    ['a control character', '{"resourceType":"Patient","gender":"\\u0001"}', 'U+0001'],
    [
      'a div that is no XHTML',
      '{"resourceType":"Patient","text":{"div":"<div><p></div>"}}',
      'Patient.text.div',
    ],
    [
      'a div that smuggles elements in',
      '{"resourceType":"Patient","text":{"div":"<div/></text><active value=\\"true\\"/><text><div/>"}}',
      'Patient.text.div',
    ],
  ])('refuses %s', (_, text, part) => {
    const error = refusal(() => toXml(json(text)));
    expect(error.message).toContain(part);
    expect(error.message).toContain('cannot be written as XML');
  });
});
