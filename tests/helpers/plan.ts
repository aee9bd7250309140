import type { Db, Statement } from '../../server/db/db.ts';

/** A node of PostgreSQL's plan. */
export interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  /** How often it was really run; absent in a plan for all values. */
  'Actual Loops'?: number;
  Plans?: PlanNode[];
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

export interface Printed {
  text: string;
  values: readonly unknown[];
  name?: string | undefined;
}

/**
 * The plan of a statement as it is run: with its values known (nodes that were never reached are left
 * out), or (named) once for all values.
 */
export async function planOf(db: Db, { text, values, name }: Printed): Promise<PlanNode[]> {
  const options = name ? 'generic_plan, format json' : 'analyze, timing off, format json';
  const [row] = await db.tuples(
    { text: `explain (${options}) ${text}` },
    name ? undefined : values,
  );
  const plans = (row?.[0] ?? []) as { Plan: PlanNode }[];
  return plans.flatMap(({ Plan }) => nodesOf(Plan)).filter((node) => node['Actual Loops'] !== 0);
}

/** Of the tables that grow with what is stored; the dictionaries and settings are small. */
export const isWhole = (node: PlanNode): boolean =>
  node['Node Type'] === 'Seq Scan' &&
  /^(resource|search|history)(_(date|string|number|text))?$/.test(node['Relation Name'] ?? '');

export interface Recorder {
  /** The same database; what is asked of it is noted. */
  db: Db;
  /** What was asked since the last call: named where its plan is made for all values. */
  sent(): Printed[];
}

/** Notes the statements that a store sends, each as it will be planned. */
export function recording(db: Db): Recorder {
  let noted: Printed[] = [];
  const note =
    (verb: 'fast' | 'shared' | 'steady' | 'tuples') =>
    <R extends readonly unknown[]>(statement: Statement, values: readonly unknown[] = []) => {
      const { text, name } = statement;
      // Of a named one PostgreSQL decides itself; the connections of the other verbs leave no choice.
      if (verb === 'tuples') noted.push({ text, values });
      if (verb !== 'tuples' || name !== undefined) noted.push({ text, values, name: verb });
      return db[verb]<R>(statement, values);
    };
  const [fast, shared, steady, tuples] = [
    note('fast'),
    note('shared'),
    note('steady'),
    note('tuples'),
  ];
  return {
    db: { ...db, fast, shared, steady, tuples },
    sent: () => {
      const last = noted;
      noted = [];
      return last;
    },
  };
}
