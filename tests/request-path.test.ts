import { expect, test } from 'vitest';
import { pathOf } from '../server/request-path.ts';

test.each([
  [undefined, '/'],
  ['/', '/'],
  ['/fhir/Patient/1', '/fhir/Patient/1'],
  ['/fhir/Patient/?name=a/b', '/fhir/Patient'],
  ['/fhir/Patient/..', '/fhir/Patient/..'],
  ['/fhir/./Patient', '/fhir/./Patient'],
  ['/fhir/%50atient', '/fhir/%50atient'],
  ['http://host:80/fhir/metadata/', '/fhir/metadata'],
  ['HTTPS://host', '/'],
  ['http://host?a=/b', '/'],
])('pathOf() of %j is %j', (url, path) => {
  expect(pathOf(url)).toBe(path);
});
