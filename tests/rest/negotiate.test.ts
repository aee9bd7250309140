import { describe, expect, it } from 'vitest';
import { FhirError } from '../../server/fhir/error.ts';
import { answerFormat, bodyKind } from '../../server/rest/negotiate.ts';

const kindOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof FhirError) return error.kind;
    throw error;
  }
  return 'none';
};

describe('answerFormat()', () => {
  it.each([
    [undefined, undefined, 'application/fhir+json'],
    [undefined, '*/*', 'application/fhir+json'],
    [undefined, 'application/*', 'application/fhir+json'],
    [undefined, 'application/json', 'application/json'],
    [undefined, 'text/json', 'text/json'],
    [undefined, 'application/fhir+xml', 'application/fhir+xml'],
    [undefined, 'application/xml', 'application/xml'],
    [undefined, 'application/fhir+xml;q=0.5, application/fhir+json', 'application/fhir+json'],
    [undefined, 'application/fhir+json;q=0.1, application/fhir+xml;q=0.2', 'application/fhir+xml'],
    [undefined, 'application/fhir+xml, */*', 'application/fhir+xml'],
    [undefined, '*/*, application/fhir+json;q=0', 'application/json'],
    [undefined, 'text/html, application/fhir+json;fhirVersion=4.0', 'application/fhir+json'],
    ['json', 'application/fhir+xml', 'application/fhir+json'],
    ['xml', undefined, 'application/fhir+xml'],
    ['application/fhir+json', undefined, 'application/fhir+json'],
    ['application/fhir xml', undefined, 'application/fhir+xml'],
    ['text/xml', 'application/json', 'text/xml'],
  ])('answers _format %s and Accept %s with %s', (format, accept, type) => {
    expect(answerFormat(format, accept).contentType).toBe(`${type}; charset=utf-8`);
  });

  it.each([
    ['html', undefined],
    ['', undefined],
    [undefined, 'text/html'],
    [undefined, 'image/*'],
    [undefined, 'application/fhir+json;q=0'],
    [undefined, 'application/fhir+json; fhirVersion=3.0'],
  ])('refuses _format %s with Accept %s', (format, accept) => {
    expect(kindOf(() => answerFormat(format, accept))).toBe('not-acceptable');
  });
});

describe('bodyKind()', () => {
  const both = ['json', 'xml', 'json-patch', 'form'] as const;

  it.each([
    ['application/fhir+json', 'json'],
    ['application/json; charset=UTF-8', 'json'],
    ['application/fhir+json; fhirVersion=4.0', 'json'],
    ['Text/JSON', 'json'],
    ['application/fhir+xml;charset="utf-8"', 'xml'],
    ['application/json-patch+json', 'json-patch'],
    ['application/x-www-form-urlencoded', 'form'],
  ])('reads %s as %s', (type, kind) => {
    expect(bodyKind(type, both)).toBe(kind);
  });

  it.each([
    [undefined],
    ['text/plain'],
    ['multipart/form-data; boundary=x'],
    ['application/fhir+json; charset=iso-8859-1'],
    ['application/fhir+json; fhirVersion=5.0'],
  ])('refuses Content-Type %s', (type) => {
    expect(kindOf(() => bodyKind(type, both))).toBe('unsupported-media');
  });

  it('refuses a kind that the interaction does not take', () => {
    const run = () => bodyKind('application/x-www-form-urlencoded', ['json', 'xml']);
    expect(kindOf(run)).toBe('unsupported-media');
  });
});
