import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import {
  clone,
  deepEqual,
  metaOf,
  parseJson,
  parseJsonBytes,
  parseResource,
  prettyJson,
  stampResource,
  stringify,
} from '../../server/fhir/json.ts';
import type { Resource } from '../../server/fhir/types.ts';

function refusal(read: () => unknown): FhirError {
  try {
    read();
  } catch (error) {
    if (error instanceof FhirError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseJson()', () => {
  it.each([
    ['{"a":[1,-2.5,true,false,null,"x"],"b":{},"c":[]}'],
    [' \t\r\n[ 1 , 2 ]\n'],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"'],
    ['{"":1,"constructor":2,"toString":3}'],
    ['{"a":{"x":1},"b":{"x":1}}'],
    ['"é😀\u007f\u2028"'],
  ])('reads %s as JSON.parse does', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it.each([
    '1.00',
    '-0',
    '0.0',
    '1e2',
    '1E+5',
    '1e999',
    '12345678901234567890',
    '0.00000010',
    '170.10',
    `0.${'3'.repeat(400)}`,
  ])('keeps the text of the number %s', (text) => {
    expect(stringify(parseJson(text))).toBe(text);
    const nested = `{"a":[1,{"b":[${text},0.5,${text}]}],"c":${text}}`;
    expect(stringify(parseJson(nested))).toBe(nested);
  });

  it.each([3_000, 12_000])('keeps the text of %d numbers', (count) => {
    const text = `{"data":[${Array.from({ length: count }, (_, n) => `{"v":${n}.50}`).join(',')}]}`;
    expect(stringify(parseJson(text))).toBe(text);
  });

  it.each([
    ['empty text', '', 'too early'],
    ['an open object', '{"a":1', 'too early'],
    ['an open array', '[1', 'too early'],
    ['an open string', '"abc', 'closing quote'],
    ['text behind', '{} x', 'follows the end'],
    ['two values', '1 2', 'follows the end'],
    ['a trailing comma in an object', '{"a":1,}', 'comma'],
    ['a trailing comma in an array', '[1,]', 'comma'],
    ['a line comment', '[1, // x\n2]', 'comment'],
    ['a block comment', '/* x */ 1', 'comment'],
    ['single quotes', "{'a':1}", 'name'],
    ['a bare name', '{a:1}', 'name'],
    ['a missing colon', '{"a" 1}', '":"'],
    ['a missing comma', '[1 2]', ','],
    ['a bare word', '[tru]', 'tru'],
    ['NaN', '[NaN]', 'number'],
    ['a leading zero', '[01]', 'leading zeros'],
    ['a leading zero behind a minus', '[-01]', 'leading zeros'],
    ['a plus sign', '[+1]', 'number'],
    ['no digit behind the point', '[1.]', 'digit'],
    ['no digit before the point', '[.5]', 'number'],
    ['no digit in the exponent', '[1e]', 'digit'],
    ['a lone minus', '[-]', 'digit'],
    ['a huge exponent', '[1e9999999]', 'exponent'],
    ['a number of 2,000 digits', `[${'1'.repeat(2000)}]`, '1000 characters'],
    ['U+0000', '"a\\u0000"', 'U+0000'],
    ['a raw control character', '"a\nb"', 'U+000A'],
    ['a high surrogate alone', '"\\ud83d"', 'surrogate'],
    ['a low surrogate alone', '"\\ude00"', 'surrogate'],
    ['two high surrogates', '"\\ud83d\\ud83d"', 'surrogate'],
    ['a raw lone surrogate', '"\ud83d"', 'surrogate'],
    ['an unknown escape', '"\\x41"', 'escape'],
    ['a short \\u', '"\\u41"', 'escape'],
    ['__proto__', '{"__proto__":{}}', '__proto__'],
    ['__proto__ in escapes', '{"\\u005f_proto__":{}}', '__proto__'],
    ['a repeated name', '{"a":1,"a":2}', '"a" stands twice'],
    ['a name repeated in escapes', '{"a":1,"\\u0061":2}', '"a" stands twice'],
  ])('refuses %s', (_, text, part) => {
    const error = refusal(() => parseJson(text));
    expect(error.status).toBe(400);
    expect(error.message).toContain(part);
    expect(error.message).toMatch(/^Invalid JSON at line \d+, column \d+|^The JSON text/);
  });

  it('refuses a name that repeats among hundreds', () => {
    const names = Array.from({ length: 300 }, (_, n) => `"n${n}":${n}`);
    expect(parseJson(`{${names.join()}}`)).toHaveProperty('n299', 299);
    expect(() => parseJson(`{${names.join()},"n7":1}`)).toThrow('"n7" stands twice');
  });

  it('does not take names of equal hash for the same', () => {
    expect(parseJson('{"Aa":1,"BB":2}')).toEqual({ Aa: 1, BB: 2 });
  });

  it('refuses more than anybody sends, before it costs time', () => {
    const wide = (names: number): string =>
      `{${Array.from({ length: names }, (_, i) => `"k${i}":1`).join(',')}}`;
    expect(() => parseJson(wide(1000))).not.toThrow();
    expect(refusal(() => parseJson(wide(1001))).message).toContain('1000 names');
    const decimals = `[${'1.00,'.repeat(500_000)}1.0]`;
    expect(refusal(() => parseJson(decimals)).message).toContain('500000 decimals');
    const objects = `[${'{},'.repeat(2_000_000)}{}]`;
    expect(refusal(() => parseJson(objects)).message).toContain('2000000 objects');
  });

  it('names line, column and FHIRPath of a fault', () => {
    const text = `{"resourceType":"Patient",\n "name": [{"given": ["Zoë"]},\n  {"é": 1, "family": 01}]}`;
    const { issues } = refusal(() => parseJson(text));
    expect(issues[0]).toMatchObject({ severity: 'error', expression: 'Patient.name[1].family' });
    expect(issues[0]!.diagnostics).toContain('line 3, column 22 (Patient.name[1].family)');
  });

  it.each(['[', '{"a":', '[[],'])('refuses a million of %s at once', (open) => {
    expect(refusal(() => parseJson(open.repeat(1_000_000))).message).toContain('100 nested levels');
  });

  it('accepts 100 levels, or as many as it is told', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(() => parseJson(nested(100))).not.toThrow();
    expect(() => parseJson(nested(101))).toThrow();
    expect(() => parseJson(nested(300), { maxDepth: 300 })).not.toThrow();
    expect(() => parseJson(nested(6), { maxDepth: 5 })).toThrow('5 nested levels');
  });

  it('agrees with JSON.parse on any JSON value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        fc.pre(!text.includes('__proto__') && !text.includes('\\u0000') && text.isWellFormed());
        fc.pre(!/\\ud[89a-f]/i.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('accepts nothing that JSON.parse refuses', () => {
    const piece = fc.constantFrom(
      ...'{}[]:,"\\ue1-+.0 tfn/é\n',
      'true',
      'null',
      '"a"',
      '1.0',
      'u00e9',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        let accepted = true;
        try {
          parseJson(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FhirError);
          accepted = false;
        }
        if (accepted) expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});

describe('parseJsonBytes()', () => {
  it('skips a byte order mark', () => {
    expect(parseJsonBytes(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: 1 });
  });

  it('reads a view of a larger buffer', () => {
    expect(parseJsonBytes(new Uint8Array(Buffer.from('xx{"a":1}yy')).subarray(2, 9))).toEqual({
      a: 1,
    });
  });

  it.each([
    ['a stray byte', [0x22, 0x61, 0xff, 0x22], 2],
    ['a truncated sequence', [0x22, 0x61, 0x62, 0xc3], 3],
    ['an overlong form', [0x22, 0xc0, 0x80, 0x22], 1],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
  ])('refuses %s, naming its offset', (_, bytes, offset) => {
    const error = refusal(() => parseJsonBytes(Uint8Array.from(bytes)));
    expect(error.status).toBe(400);
    expect(error.message).toContain(`byte ${offset}`);
  });
});

describe('parseResource()', () => {
  it.each(['[]', '1', '1.0', 'null', '"Patient"', '{}', '{"resourceType":1}'])(
    'refuses %s',
    (text) => {
      expect(refusal(() => parseResource(Buffer.from(text))).message).toContain('resourceType');
    },
  );
});

describe('clone() and deepEqual()', () => {
  const text = '{"a":[1.00,{"b":"x","c":[true,null]}],"d":{}}';

  it('clone() copies everything, numbers by their text', () => {
    const value = parseJson(text) as { a: unknown[] };
    const copy = clone(value as never) as { a: unknown[] };
    expect(stringify(copy as never)).toBe(text);
    copy.a.pop();
    expect(stringify(value as never)).toBe(text);
  });

  it.each([
    ['{"a":1,"b":2}', '{"b":2,"a":1}', true],
    ['[1,2]', '[2,1]', false],
    ['[1,2]', '[1,2,3]', false],
    ['1.0', '1.00', false],
    ['1.00', '1.00', true],
    ['1', '1.0', false],
    ['{"a":1}', '{"b":1}', false],
    ['{"a":null}', '{"b":null}', false],
    ['{}', '[]', false],
    ['{}', '1.0', false],
    ['[]', '1.0', false],
    ['null', '{}', false],
    ['"a"', '"a"', true],
  ])('deepEqual() of %s and %s is %s', (a, b, same) => {
    expect(deepEqual(parseJson(a), parseJson(b))).toBe(same);
    expect(deepEqual(parseJson(b), parseJson(a))).toBe(same);
  });
});

describe('prettyJson()', () => {
  it.each([
    '{"a":[1,{"b":"x, {y}: \\"[z]\\\\"}],"c":{},"d":[],"e":[[]],"f":true}',
    '[]',
    '"a"',
    '{"é😀":null}',
  ])('indents %s as JSON.stringify does', (text) => {
    expect(prettyJson(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
  });

  it('keeps numbers and escapes as they are, and indents afresh', () => {
    expect(prettyJson('{ "a" :[1.00,\n"\\u00e9"]}')).toBe(
      '{\n  "a": [\n    1.00,\n    "\\u00e9"\n  ]\n}',
    );
  });
});

describe('stampResource()', () => {
  const stamp = { id: 'b', versionId: '7', lastUpdated: '2026-01-31T12:00:00.000Z' };
  const head =
    '{"resourceType":"Patient","id":"b","meta":{"versionId":"7","lastUpdated":"2026-01-31T12:00:00.000Z"';

  it.each([
    ['{"resourceType":"Patient"}', `${head}}}`],
    ['{"active":true,"id":"a","resourceType":"Patient"}', `${head}},"active":true}`],
    [
      '{"resourceType":"Patient","meta":{"tag":[{"code":"x"}],"versionId":"1","source":"#s"},"x":1.00}',
      `${head},"tag":[{"code":"x"}],"source":"#s"},"x":1.00}`,
    ],
  ])('puts type, id and meta of %s first and keeps the rest', (text, stored) => {
    const resource = parseJson(text) as Resource;
    expect(stampResource(resource, stamp)).toBe(stored);
    expect(stringify(resource)).toBe(text);
  });

  it('makes a text that metaOf() reads', () => {
    const text = stampResource({ resourceType: 'Patient', active: true }, stamp);
    expect(metaOf(text)).toEqual({ resourceType: 'Patient', ...stamp });
    expect(metaOf('{"id":"b"}')).toBeUndefined();
  });
});
