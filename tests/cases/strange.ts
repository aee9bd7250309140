import type { JsonObject } from '../../server/fhir/types.ts';

/**
 * What looks wrong and is right by R4: [what, JSON text of the resource, searches that find it]. The
 * texts hold no id; each search is asked together with the `_id`.
 */
export type Strange = [what: string, json: string, searches?: readonly string[]];

const text = (resource: JsonObject | object): string => JSON.stringify(resource);
const patient = (members: object): string => text({ resourceType: 'Patient', ...members });
const base = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
const observation = (members: object): string => text({ ...base, ...members });
const amount = (decimal: string): string =>
  `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":${decimal},"unit":"mg"}}`;
const xhtml = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;
const narrated = (inner: string): string =>
  patient({ text: { status: 'generated', div: xhtml(inner) } });
const list = (length: number, item: (index: number) => unknown): unknown[] =>
  Array.from({ length }, (_, index) => item(index));

const extension = [{ url: 'http://example.org/e', valueString: 'v' }];
const MB = 1024 * 1024;
const encoded = encodeURIComponent;

function questionnaire(levels: number): string {
  let item: JsonObject = { linkId: `q${levels}`, type: 'string', text: 'x' };
  for (let at = levels - 1; at > 0; at--) item = { linkId: `q${at}`, type: 'group', item: [item] };
  return text({ resourceType: 'Questionnaire', status: 'draft', item: [item] });
}

const dates: readonly Strange[] = [
  ['a birth in the year 0001', patient({ birthDate: '0001' }), ['birthdate=0001', 'birthdate=lt0002']],
  ['a birth in the year 9999', patient({ birthDate: '9999-12-31' }), ['birthdate=gt2000']],
  ...[
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-14:00',
    '9999-12-31T23:59:60Z',
    '2016-12-31T23:59:60Z',
    '2020-01-01T10:00:00.123456789Z',
    `2020-01-01T10:00:00.${'1'.repeat(40)}Z`,
  ].map((date): Strange => [
    `the time ${date}`,
    observation({ effectiveDateTime: date }),
    [`date=${encoded(date)}`],
  ]),
  ['a period open to the past', observation({ effectivePeriod: { end: '0001' } }), ['date=lt0002']],
  ['a period of mixed precision', observation({ effectivePeriod: { start: '2020', end: '2020-05' } })],
].map(([what, json, searches = []]) => [what, json, searches] as Strange);

const numbers: readonly Strange[] = [
  ...['1E+2', '1e2', '-0', '-0.0', '1.00', '9007199254740993', '0.000000000000000000000000001'],
  ...['1e308', '1e400', '-1e9999', '1e-9999', '123456789012345678901234567890.12', '0e9999'],
  `9.${'9'.repeat(900)}`,
].map((decimal): Strange => [`the decimal ${decimal.slice(0, 30)}`, amount(decimal)]);

const integers: readonly Strange[] = [2_147_483_647, -2_147_483_648].map(
  (value): Strange => [`the integer ${value}`, patient({ multipleBirthInteger: value })],
);

const texts: readonly Strange[] = [
  ['a name of 1 MB', patient({ name: [{ family: 'A'.repeat(MB) }] }), ['family=AAAA']],
  ['1 MB of letters that fold', patient({ name: [{ family: '\u00e9'.repeat(MB / 2) }] })],
  ['1 MB that does not compress', patient({ name: [{ family: noise(MB) }] })],
  [
    'an identifier of 2 MB',
    patient({ identifier: [{ system: `http://x/${noise(MB - 9)}`, value: noise(MB) }] }),
  ],
  ['a reference of 100 kB', observation({ subject: { reference: `http://x/${noise(100_000)}` } })],
  [
    'scripts from right to left, beyond the BMP, combining, joined',
    patient({
      name: [
        {
          family: '\u202e\u0645\u0631 \u05e9\u05dc',
          given: [
            ...['e\u0301\u0301', '\u{1f469}\u200d\u{1f469}', '\u{1d518}', '\u{10fffd}', '\ufeff'],
            ...['\u0085', '\u2028', '\u007f', '\u00a0', ' ', '\t', 'a\r\nb', ' lead', '\u00ad'],
          ],
        },
      ],
    }),
    [`given=${encoded('\u00e9')}`],
  ],
  [
    'the signs of the search language',
    patient({ identifier: [{ system: 'http://x', value: 'a|b,c$d\\e' }] }),
    [`identifier=${encoded('http://x|a\\|b\\,c\\$d\\\\e')}`],
  ],
  [
    'the signs of LIKE',
    patient({ name: [{ family: "O'%_\\B\"" }] }),
    [`family=${encoded("O'%_\\\\B")}`],
  ],
  ['base64 with white space', text({ resourceType: 'Binary', contentType: 'a/b', data: ' aG\r\nk=\t' })],
];

/** Letters in no order, the same at each run. */
function noise(length: number): string {
  let state = 1;
  const letters = Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return String.fromCharCode(97 + ((state >> 16) % 26));
  });
  return letters.join('');
}

const sizes: readonly Strange[] = [
  [
    'an attachment of 10 MB',
    text({
      resourceType: 'DocumentReference',
      status: 'current',
      content: [{ attachment: { contentType: 'a/b', data: 'AAAA'.repeat((10 * MB) / 4) } }],
    }),
  ],
  [
    '10,000 identifiers',
    patient({ identifier: list(10_000, (i) => ({ system: 'http://x', value: `i${i}` })) }),
    ['identifier=http://x|i9999'],
  ],
  [
    '20,000 given names',
    patient({ name: [{ given: list(20_000, (i) => `g${i}`) }] }),
    ['given=g19999'],
  ],
  [
    '20,000 members',
    text({
      resourceType: 'Group',
      type: 'person',
      actual: true,
      member: list(20_000, (i) => ({ entity: { reference: `Patient/m${i}` } })),
    }),
    ['member=Patient/m19999'],
  ],
  ['items within items, 20 deep', questionnaire(20)],
  ['items within items, 45 deep', questionnaire(45)],
];

const shapes: readonly Strange[] = [
  [
    'contained resources in a circle',
    text({
      resourceType: 'MedicationRequest',
      ...{ status: 'active', intent: 'order', subject: { reference: 'Patient/x' } },
      medicationReference: { reference: '#m' },
      contained: [
        { resourceType: 'Medication', id: 'm', ingredient: [{ itemReference: { reference: '#n' } }] },
        { resourceType: 'Medication', id: 'n', ingredient: [{ itemReference: { reference: '#m' } }] },
      ],
    }),
  ],
  [
    'extensions wherever they may stand',
    patient({
      _implicitRules: { extension },
      language: 'en',
      _language: { id: 'z', extension },
      text: { _status: { extension }, status: 'generated', extension, div: xhtml('x') },
      extension: [{ url: 'http://x/y', extension: [{ url: 'z', _valueString: { extension } }] }],
      modifierExtension: extension,
      name: [
        {
          family: 'F',
          _family: { extension },
          given: ['a', null, 'b'],
          _given: [{ extension }, { id: 'g', extension }, null],
        },
        { _given: [{ extension }, { extension }] },
      ],
      ...{ _birthDate: { extension }, _gender: { extension }, _active: { extension } },
    }),
  ],
  [
    'a bundle in a bundle',
    text({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        {
          fullUrl: 'urn:uuid:7d3d2c6e-0d8a-4c0b-9f0e-6f8f2f7d1a11',
          resource: {
            resourceType: 'Bundle',
            type: 'collection',
            entry: [{ fullUrl: 'http://x/Patient/1', resource: { resourceType: 'Patient' } }],
          },
        },
      ],
    }),
  ],
  [
    'a narrative with all that it may have',
    narrated(
      '<table border="1"><caption>c</caption><tr><td colspan="2" style="color:red">a &lt; b &amp;' +
        '&#160;&#xe9; "q" \'s\'</td></tr></table><img src="data:image/png;base64,AAAA" alt="x"/>' +
        '<img src="#i"/><a name="n" href="#x">l</a><br/><hr/><!-- c --><pre>  x\n  y\t</pre>',
    ),
  ],
  ['a narrative that is an image', narrated('<img src="#a" alt="a"/>')],
  ['a narrative in other quotes', patient({ text: { status: 'empty', div: oddDiv() } })],
  ['names of Object', patient({ extension: [{ url: '__proto__', valueString: 'constructor' }] })],
];

function oddDiv(): string {
  return "<div\n  xmlns='http://www.w3.org/1999/xhtml' lang='en'>x\r\n</div>";
}

export const strange: readonly Strange[] = [
  ...[...dates, ...numbers, ...integers, ...texts, ...sizes, ...shapes],
];
