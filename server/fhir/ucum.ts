import { createRequire } from 'node:module';

/**
 * The only file that knows ucum-lhc: what a UCUM code comes to in base units, so that quantities in
 * commensurable units can be compared (R4 3.1.1.4.11). Loaded at the first UCUM unit.
 */

export const UCUM_SYSTEM = 'http://unitsofmeasure.org';

/** `value * factor + shift` is the value in the unit `canon`, the same for all commensurable ones. */
export interface CanonicalUnit {
  canon: string;
  factor: number;
  shift: number;
}

/** What is used of the library's units; it comes without types. */
interface LibraryUnit {
  magnitude_: number;
  dim_: { dimVec_: number[] | null } | null;
  /** Name of the function of a unit that is no multiple of a base unit, and its prefix's factor. */
  cnv_: string | null;
  cnvPfx_: number;
  isArbitrary_: boolean;
  moleExp_: number;
  equivalentExp_: number;
}

interface Library {
  getSpecifiedUnit(
    code: string,
    use: 'validate',
  ): { unit: LibraryUnit | null; origString?: string; retMsg: string[] };
}

let loaded: { library: Library; avogadro: number } | undefined;

function load(): { library: Library; avogadro: number } {
  if (!loaded) {
    const require = createRequire(import.meta.url);
    const { UcumLhcUtils } = require('@lhncbc/ucum-lhc') as {
      UcumLhcUtils: { getInstance(): Library };
    };
    const library = UcumLhcUtils.getInstance();
    const avogadro = library.getSpecifiedUnit('mol', 'validate').unit?.magnitude_ ?? 1;
    loaded = { library, avogadro };
  }
  return loaded;
}

/** No unit of the clinic is longer; the library's parser should not see a novel. */
const MAX_CODE = 100;

/** The unit of a code exactly as written: the library would also read `gram` and ` mg`. */
function unitOf(library: Library, code: string): LibraryUnit | undefined {
  if (code === '' || code.length > MAX_CODE || /\s/.test(code)) return undefined;
  try {
    const { unit, retMsg, origString } = library.getSpecifiedUnit(code, 'validate');
    return unit && retMsg.length === 0 && origString === code ? unit : undefined;
  } catch {
    return undefined;
  }
}

const BASES = ['m', 's', 'g', 'rad', 'K', 'C', 'cd'];

/** `m-3.mol`; `1` where all dimensions cancel out. */
function dimensionOf({ dim_, moleExp_, equivalentExp_ }: LibraryUnit): string {
  const powers: [string, number][] = BASES.map((base, i) => [base, dim_?.dimVec_?.[i] ?? 0]);
  powers.push(['mol', moleExp_], ['eq', equivalentExp_]);
  const factors = powers.filter(([, power]) => power !== 0);
  return factors.map(([base, power]) => (power === 1 ? base : `${base}${power}`)).join('.') || '1';
}

/** The library takes a mole as a number of particles; here it is a base unit, and so is `eq`. */
function magnitudeOf({ magnitude_, moleExp_, equivalentExp_ }: LibraryUnit, avogadro: number) {
  return rounded(magnitude_ / avogadro ** (moleExp_ + equivalentExp_));
}

/** Factors are short decimals, but for what floating point has made of them on the way. */
function rounded(value: number): number {
  const short = Number(value.toPrecision(12));
  return Math.abs(short - value) <= 4 * Number.EPSILON * Math.abs(value) ? short : value;
}

/** Zero of the temperatures in kelvin, before the degree's size; no other scale is affine. */
const ZEROS: Record<string, number> = { Cel: 273.15, degF: 459.67, degRe: 273.15 / 1.25 };

/** One arbitrary unit with a prefix, per something: `m[iU]/mL`. */
const ARBITRARY = /^(?:[\d*]+\.)?[A-Za-z]{0,2}(\[[^\]]+\])(?:\{[^}]*\})?(?:\/[^[\]()]+)?$/;

/** Arbitrary units are commensurable with their own multiples alone (UCUM section 24). */
function arbitrary(code: string, unit: LibraryUnit, factor: number): CanonicalUnit {
  const atom = ARBITRARY.exec(code)?.[1];
  if (atom === undefined) return itself(code);
  const dimension = dimensionOf(unit);
  const name = atom === '[IU]' ? '[iU]' : atom;
  return { canon: dimension === '1' ? name : `${name}.${dimension}`, factor, shift: 0 };
}

const itself = (code: string): CanonicalUnit => ({ canon: code, factor: 1, shift: 0 });

/**
 * What a UCUM code comes to. Units on a scale that is not straight (pH, decibel) and products with
 * arbitrary ones stand for themselves.
 *
 * @returns undefined where the code is no UCUM unit
 */
export function canonicalUnit(code: string): CanonicalUnit | undefined {
  const { library, avogadro } = load();
  const unit = unitOf(library, code);
  if (!unit) return undefined;
  const factor = magnitudeOf(unit, avogadro);
  if (!Number.isFinite(factor) || factor <= 0) return undefined;
  if (unit.isArbitrary_) return arbitrary(code, unit, factor);
  if (!unit.cnv_) return { canon: dimensionOf(unit), factor, shift: 0 };
  const zero = ZEROS[unit.cnv_];
  if (zero === undefined) return itself(code);
  const degree = unit.magnitude_;
  return { canon: dimensionOf(unit), factor: unit.cnvPfx_ * degree, shift: rounded(zero * degree) };
}
