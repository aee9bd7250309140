import type { Access, Actor, Rule } from '../../server/store/store.ts';
import { queryOf } from './store.ts';

const letters = (text: string): Rule['interactions'] => new Set([...text] as never[]);

/** An actor limited by rules `Type.letters?criteria`, parsed as a policy would. */
export function actorWith(...rules: string[]): Actor {
  const parsed = rules.map((text) => {
    const [, type = '', ops = '', criteria] = /^(\w+)\.(\w+)(?:\?(.*))?$/.exec(text) ?? [];
    const where = criteria === undefined ? [] : queryOf(`${type}?${criteria}`).where;
    return { type, rule: { interactions: letters(ops), where } };
  });
  const access: Access = {
    ...{ key: rules.join(' '), admin: false },
    rules: (type) => parsed.filter((one) => one.type === type).map(({ rule }) => rule),
  };
  return { kind: 'user', name: 'limited', access };
}

export const ref = (reference: string) => ({ reference });
