import { describe, expect, test } from 'vitest';
import { parseJson } from '../../server/fhir/json.ts';
import { primitives } from '../../server/fhir/primitive.ts';

/** Type -> JSON texts that are right, and that are wrong. */
const cases: Record<string, { right: string[]; wrong: string[] }> = {
  boolean: { right: ['true', 'false'], wrong: ['"true"', '1', 'null', '{}'] },
  integer: {
    right: ['0', '-1', '2147483647', '-2147483648'],
    wrong: ['2147483648', '-2147483649', '1.5', '1.0', '1e3', '-0', '"1"', 'true'],
  },
  unsignedInt: { right: ['0', '2147483647'], wrong: ['-1', '0.5', '2147483648'] },
  positiveInt: { right: ['1'], wrong: ['0', '-1', '"1"'] },
  decimal: {
    right: ['0', '1.00', '-1.5e10', '1E-22', '12345678901234567890.123'],
    wrong: ['"1.0"', 'true', 'null', '[1]'],
  },
  string: {
    right: ['"a"', '" a "', '"a\\tb\\r\\nc"', '"\\ud83d\\ude00"'],
    wrong: [
      '""',
      '1',
      '"a\\u0001b"',
      '"\\ufffe"',
      '"a\\uffff"',
      '"a\\u0008"',
      `"${'x'.repeat(1_048_577)}"`,
    ],
  },
  markdown: { right: ['"# a"'], wrong: ['""', 'false'] },
  code: {
    right: ['"a"', '"a b"', '"a-b/c"'],
    wrong: ['""', '" a"', '"a "', '"a  b"', '"\\ta"', '"a\\n\\nb"', '1'],
  },
  id: {
    right: ['"a"', '"A-1.b"', `"${'a'.repeat(64)}"`],
    wrong: ['""', '"a b"', '"a_b"', '"a/b"', `"${'a'.repeat(65)}"`, '1'],
  },
  uri: {
    right: ['"urn:x:y"', '"http://a/b?c=d#e"', '"x"'],
    wrong: ['""', '"a b"', '"a\\n"', '"\\u00a0"'],
  },
  url: { right: ['"https://a.b"'], wrong: ['"a b"'] },
  canonical: { right: ['"http://a/b|1.0"', '"#x"'], wrong: ['" http://a"'] },
  oid: {
    right: ['"urn:oid:1.2.840.0"'],
    wrong: ['"1.2.3"', '"urn:oid:3.1"', '"urn:oid:1.02"', '"urn:oid:1"'],
  },
  uuid: {
    right: ['"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"'],
    wrong: ['"c757873d-ec9a-4326-a141-556f43239520"', '"urn:uuid:x"'],
  },
  base64Binary: {
    right: ['"AAAA"', '"AAA="', '"AA=="', '"ab+/"', '"AAAA\\nAAAA"', '" AAAA "'],
    wrong: ['""', '" "', '"A"', '"AAA"', '"A==="', '"AA=A"', '"AA-_"', '"ää=="', '1'],
  },
  date: {
    right: ['"2020"', '"2020-02"', '"2020-02-29"', '"0001-01-01"', '"9999-12-31"', '"2000-02-29"'],
    wrong: [
      ...[
        '"2021-02-30"',
        '"1970-13-45"',
        '"2021-02-29"',
        '"1900-02-29"',
        '"2020-00"',
        '"2020-01-00"',
      ],
      ...[
        '"0000"',
        '"20"',
        '"2020-1"',
        '"2020-01-1"',
        '"20200101"',
        '"2020-01-01T00:00:00Z"',
        '2020',
      ],
      ...['"2020/01/01"', '" 2020"', '"2020-04-31"'],
    ],
  },
  dateTime: {
    right: [
      ...['"2020"', '"2020-02-29"', '"2020-01-01T00:00:00Z"', '"2020-01-01T23:59:60+14:00"'],
      ...['"2020-01-01T10:00:00.123456-05:30"'],
    ],
    wrong: [
      ...[
        '"2020-01-01T10:00:00"',
        '"2020-01-01T10:00Z"',
        '"2020-01-01T24:00:00Z"',
        '"2021-02-30T00:00:00Z"',
      ],
      ...['"2020-01-01T10:60:00Z"', '"2020-01-01T10:00:61Z"', '"2020-01-01T10:00:00.Z"'],
      ...['"2020-01-01T10:00:00+14:01"', '"2020-01-01T10:00:00+0100"', '"2020-01-01t10:00:00Z"'],
      ...[
        '"2020-01-01T10:00:00z"',
        '"2020-01-01 10:00:00Z"',
        '"2020-01T10:00:00Z"',
        '"2020-01-01T"',
      ],
    ],
  },
  instant: {
    right: ['"2020-01-01T00:00:00Z"', '"2020-01-01T00:00:00.1+01:00"'],
    wrong: ['"2020-01-01"', '"2020"', '"2020-01-01T00:00:00"', '"2020-01-01T00:00Z"'],
  },
  time: {
    right: ['"00:00:00"', '"23:59:59.999"'],
    wrong: ['"24:00:00"', '"12:00"', '"12:00:00Z"', '"1:00:00"', '"12:00:00."', '12'],
  },
};

const rows = (kind: 'right' | 'wrong') =>
  Object.entries(cases).flatMap(([type, { [kind]: texts }]) =>
    texts.map((text): [string, string] => [type, text]),
  );

describe('a primitive', () => {
  test.each(rows('right'))('%s accepts %s', (type, text) => {
    expect(primitives.get(type)?.(parseJson(text))).toBeUndefined();
  });

  test.each(rows('wrong'))('%s refuses %.40s', (type, text) => {
    expect(primitives.get(type)?.(parseJson(text))).toEqual(expect.any(String));
  });

  test('string refuses half a surrogate pair', () => {
    expect(primitives.get('string')?.('\ud800')).toContain('surrogate');
  });

  test('base64Binary bears many megabytes, right and wrong', () => {
    const check = primitives.get('base64Binary');
    expect(check?.('A'.repeat(40_000_000))).toBeUndefined();
    expect(check?.('='.repeat(4_000_000))).toContain('padded');
    expect(check?.(`${'A'.repeat(40_000_000)}!`)).toContain('not base64');
  });
});
