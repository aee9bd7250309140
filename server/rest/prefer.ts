/** R4 3.1.0.1.7 and 3.1.1.3.3: what the caller would like, as far as this server heeds it. */
export interface Prefer {
  return?: 'minimal' | 'representation' | 'OperationOutcome';
  handling?: 'strict' | 'lenient';
}

const nothing: Prefer = Object.freeze({});
const returns: readonly string[] = ['minimal', 'representation', 'OperationOutcome'];
const handlings: readonly string[] = ['strict', 'lenient'];

/**
 * Reads a Prefer header (RFC 7240). What is unknown is ignored (section 2), and of a preference
 * that stands twice the first counts (section 2), also where the two contradict each other.
 */
export function parsePrefer(header: string | undefined): Prefer {
  if (header === undefined) return nothing;
  const prefer: Prefer = {};
  // `return=minimal; foo=bar` is one preference with a parameter; lists use commas, or `;` in fact.
  for (const part of header.split(/[,;]/)) {
    const [name = '', value = ''] = part.split('=', 2);
    setPreference(prefer, name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
  }
  return prefer;
}

function setPreference(prefer: Prefer, name: string, value: string): void {
  if (name === 'return' && returns.includes(value)) {
    prefer.return ??= value as NonNullable<Prefer['return']>;
  }
  if (name === 'handling' && handlings.includes(value)) {
    prefer.handling ??= value as NonNullable<Prefer['handling']>;
  }
}
