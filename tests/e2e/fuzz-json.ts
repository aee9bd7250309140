import { numberOf } from '../../server/fhir/decimal.ts';
import { clone, isObject, stringify } from '../../server/fhir/json.ts';
import type { JsonObject, JsonValue, Resource } from '../../server/fhir/types.ts';
import { nasty, type Random } from './fuzz-random.ts';

/** Wrong JSON from right one: first the tree is bent, then the text. */

type Holder = Record<string | number, JsonValue>;
type Spot = [holder: Holder, key: string | number];

const isTree = (value: JsonValue | undefined): value is JsonObject | JsonValue[] =>
  Array.isArray(value) || isObject(value);

function spotsOf(tree: JsonValue, spots: Spot[] = []): Spot[] {
  if (!isTree(tree)) return spots;
  const holder = tree as Holder;
  for (const key of Object.keys(tree)) {
    spots.push([holder, Array.isArray(tree) ? Number(key) : key]);
    spotsOf(holder[key] ?? null, spots);
  }
  return spots;
}

/** A JSON Pointer to something that is in the tree. */
export function pointerIn(random: Random, tree: JsonValue): string {
  let pointer = '';
  let at: JsonValue = tree;
  while (isTree(at) && random.chance(0.8)) {
    const entries: [string, JsonValue][] = Object.entries(at);
    if (entries.length === 0) break;
    const [key, value] = random.pick(entries);
    pointer += `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    at = value;
  }
  return pointer;
}

function nested(depth: number): JsonValue {
  let value: JsonValue = 'x';
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { extension: value };
  return value;
}

const extension = (random: Random): JsonObject => ({
  url: random.pick(['http://x/e', '', '#', '__proto__', 'relative', 'x'.repeat(5000)]),
  ...random.pick<JsonObject>([
    { valueString: 'v' },
    { valueString: 'v', valueInteger: 1 },
    { valueReference: { reference: '#nobody' } },
    { valueFoo: 1 },
    { extension: [{ url: 'y', valueDate: '2021-02-30' }] },
    { extension: [], valueString: 'v' },
    {},
  ]),
});

const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';
const narratives = [
  `<div ${XHTML}><script>alert(1)</script></div>`,
  `<div ${XHTML} onload="x()">x</div>`,
  `<div ${XHTML}><img src="http://evil.test/x.png"/></div>`,
  `<div ${XHTML}><a href="javascript:alert(1)">x</a></div>`,
  `<div ${XHTML}><p style="background:url(//evil.test)">x</p></div>`,
  `<!DOCTYPE x [<!ENTITY e "x">]><div ${XHTML}>&e;</div>`,
  `<div ${XHTML}>${'<b>'.repeat(3000)}x${'</b>'.repeat(3000)}</div>`,
  `<div ${XHTML}>&nbsp;</div>`,
  `<div ${XHTML}>x</div><div/>`,
  '<div>x</div>',
  `<h:div xmlns:h="http://www.w3.org/1999/xhtml">x</h:div>`,
  `<div ${XHTML}><!--><svg onload=x()>--></div>`,
  '<div',
  'x',
];

/** A value that mostly is wrong wherever it comes to stand. */
function wild(random: Random): JsonValue {
  return random.pick<() => JsonValue>([
    () => random.pick(nasty),
    () => random.pick(nasty),
    () => random.pick([0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 31) - 1, 1e21, 1e308]),
    () => numberOf(random.pick(['1.00', '1e400', '-1E+9999', '0.10', '-0', '1e-9999'])) ?? 0,
    () => random.chance(0.5),
    () => null,
    () => [],
    () => ({}),
    () => [null],
    () => [[]],
    () => nested(random.pick([3, 40, 97, 150])),
    () => extension(random),
    () => [extension(random)],
    () => ({ reference: random.pick(nasty), type: random.pick(['Patient', 'Foo']) }),
    () => ({ status: 'generated', div: random.pick(narratives) }),
    () => ({ resourceType: random.pick(['Patient', 'Foo', 'Bundle', 'Binary']), id: 'x' }),
    () => Array.from({ length: 200 }, () => 'y'),
  ])();
}

const names = [
  ...['extension', 'modifierExtension', '_birthDate', '_status', '_id', 'text', 'contained'],
  ...['valueString', 'valueQuantity', '_valueString', 'value', 'value[x]', 'resourceType', 'id'],
  ...['meta', 'language', 'implicitRules', 'fhir_comments', 'constructor', 'toString', 'x'],
  ...['identifier', 'name', 'code', 'subject', 'component', 'item', 'entry', 'parameter', ''],
];

const bends: readonly ((random: Random, spot: Spot, spots: readonly Spot[]) => void)[] = [
  (_random, [holder, key]) => {
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else delete holder[key];
  },
  (random, [holder, key]) => {
    holder[key] = wild(random);
  },
  (random, [holder, key]) => {
    holder[key] = wild(random);
  },
  (random, [holder]) => {
    if (Array.isArray(holder)) holder.splice(random.below(holder.length + 1), 0, wild(random));
    else holder[random.pick(names)] = wild(random);
  },
  (random, [holder, key]) => {
    if (Array.isArray(holder)) return;
    holder[random.pick([`_${key}`, `${key}x`, `value${key}`, String(key).toUpperCase()])] = holder[
      key
    ] as JsonValue;
    if (random.chance(0.5)) delete holder[key];
  },
  (_random, [holder, key]) => {
    holder[key] = [holder[key] as JsonValue];
  },
  (_random, [holder, key]) => {
    const value = holder[key];
    if (isTree(value)) holder[key] = Object.values(value)[0] ?? null;
  },
  (random, [holder, key], spots) => {
    const [other, otherKey] = random.pick(spots);
    holder[key] = clone(other[otherKey] as JsonValue);
  },
  (_random, [holder, key]) => {
    if (Array.isArray(holder)) holder.push(clone(holder[Number(key)] as JsonValue));
  },
];

/** A copy of a tree with one to three things changed. */
export function bent<T extends JsonValue>(random: Random, tree: T): T {
  const copy = clone(tree);
  for (let i = random.below(3); i >= 0; i--) {
    const spots = spotsOf(copy);
    if (spots.length > 0) random.pick(bends)(random, random.pick(spots), spots);
  }
  return copy;
}

const literals = [
  ...['01', '+1', '.5', '1.', '0x1', 'NaN', '-', '1e', '1e999999', '"\\ud800"', '"\\u0000"'],
  ...[
    '"\\x41"',
    "'x'",
    '/* */1',
    'True',
    'undefined',
    '"\t"',
    '"\n"',
    '\u00a0',
    '1,',
    '{"a":1,"a":2}',
  ],
  ...['{"__proto__":{"x":1}}', `${'['.repeat(3000)}`, `${'{"a":'.repeat(2000)}`, '"', '\\', '\0'],
];

/** The text of a resource with its bytes damaged, or sound where chance spares it. */
export function damaged(random: Random, text: string): string | Buffer {
  const at = random.below(text.length + 1);
  return random.pick<() => string | Buffer>([
    () => text.slice(0, at),
    () => text.slice(0, at) + text.slice(at + 1 + random.below(5)),
    () => text.slice(0, at) + random.pick(literals) + text.slice(at),
    () => text.replace(/:("[^"]*"|\d+)/, `:${random.pick(literals)}`),
    () => text.replace(/^\{/, `{${text.slice(1, text.indexOf(',') + 1)}`),
    () => text + random.pick([' ', text, ']', ',', '\0', '//']),
    () => `\ufeff${text}`,
    () => Buffer.from(text, 'utf16le'),
    () => Buffer.from(`${text}   `).fill(random.below(256), at, at + 1 + random.below(3)),
  ])();
}

/** What the server is to get in place of a sound resource. */
export function wrongJson(random: Random, resource: Resource): string | Buffer {
  const text = stringify(random.chance(0.85) ? bent(random, resource) : resource);
  return random.chance(0.2) ? damaged(random, text) : text;
}
