import type { Term } from '../fhir/query.ts';
import { parseQuery } from '../fhir/query-parse.ts';
import { isId } from '../fhir/reference.ts';
import { type Bearer, type Prepared, policyOf, prepare } from './access.ts';
import { type Branch, type Outcome, policyOutcomes, scopeBranches } from './access-policy.ts';
import { requireAdmin } from './admin.ts';
import { note } from './audit.ts';
import { findClient } from './clients.ts';
import { type Form, queryOf, required } from './form.ts';
import { rolesOf } from './role-store.ts';
import { type AuthContext, type AuthRoute, answerJson } from './route.ts';
import { OPS, type Op } from './scopes.ts';
import { type AuthService, OAuthError } from './types.ts';
import { findUser } from './users.ts';

/** Why somebody may do something, or not; for administrators. */

/** What is asked: with an id about that resource, else about the type. */
interface Question {
  type: string;
  id: string | undefined;
  op: Op;
}

/** Whether it gives the operation: `depends` on the resource where none was named. */
type Gives = boolean | 'depends';

interface Judged {
  gives: Gives;
  why: string;
}

/**
 * GET /admin/access/explain?user=<id>|client=<id>&type=Observation&id=..&interaction=c|r|u|d|s, and
 * perhaps scope (all of their kind by default), patient (of the launch) and purpose.
 */
async function explain(service: AuthService, context: AuthContext): Promise<Response> {
  const { by } = await requireAdmin(service, context);
  const form = queryOf(context);
  const question = questionOf(service, form);
  const prepared = await prepare(service, await bearerOf(service, form), await rolesOf(service));
  const here = { service, prepared, question };
  const exists = question.id === undefined || (await finds(here, []));
  const rules = await Promise.all(
    outcomesOf(prepared, question).map((one) => ruleAnswer(here, one)),
  );
  const scopes = await Promise.all(
    prepared.scopes.map(async (scope) => ({
      scope: scope.text,
      ...(await scopeAnswer(here, scope)),
    })),
  );
  const policy = prepared.roles ? rules : [await unbounded(here)];
  const allowed = exists ? both(anyGives(policy), anyGives(scopes)) : false;
  const { type, id, op } = question;
  await note(service, 'explain', {
    by,
    pairs: {
      ...{ user: form.get('user'), client: form.get('client'), type, id, interaction: op },
      ...{ scope: form.get('scope'), patient: form.get('patient'), allowed: String(allowed) },
    },
  });
  return answerJson({
    ...{ allowed, type, ...(id !== undefined && { id, exists }), interaction: op },
    ...{ roles: prepared.names, rules, scopes, variables: prepared.options.variables },
    ...(!prepared.roles && { bounded: 'The client has no roles: its scopes alone bound it.' }),
  });
}

function questionOf({ store }: AuthService, form: Form): Question {
  const type = required(form, 'type');
  const id = form.get('id');
  const op = OPS.find((one) => one === (form.get('interaction') ?? 'r'));
  if (!store.definitions.resourceTypes.includes(type)) throw fault('There is no such type.');
  if (id !== undefined && !isId(id)) throw fault('The id is none of a resource.');
  if (!op) throw fault(`interaction is one of ${OPS.join(', ')}.`);
  return { type, id, op };
}

async function bearerOf(service: AuthService, form: Form): Promise<Bearer> {
  const userId = form.get('user');
  const clientId = form.get('client');
  const user = userId === undefined ? undefined : await findUser(service, userId);
  const client = clientId === undefined ? undefined : await findClient(service, clientId);
  if (!user && !client)
    throw fault('Name a user or a client that there is, and that is not disabled.');
  if (userId !== undefined && !user) throw fault('There is no such user, or they are disabled.');
  const patient = form.get('patient');
  return {
    grant: { context: patient === undefined ? {} : { patient } },
    scope: form.get('scope') ?? (user ? 'user/*.cruds' : 'system/*.cruds'),
    ...{ user, client, purpose: form.get('purpose') },
  };
}

const fault = (text: string): OAuthError => new OAuthError('invalid_request', text);

interface Here {
  service: AuthService;
  prepared: Prepared;
  question: Question;
}

const outcomesOf = ({ roles, options, purpose }: Prepared, { type }: Question): Outcome[] =>
  policyOutcomes(roles ?? [], type, { ...options, purpose });

async function ruleAnswer(here: Here, { role, at, rule, branch, reason }: Outcome) {
  const { types: _, ...said } = rule;
  const judged: Judged = branch
    ? await judge(here, branch)
    : { gives: false, why: `It gives nothing: ${reason}.` };
  return { role, rule: at, ...said, ...judged };
}

async function scopeAnswer(here: Here, scope: Prepared['scopes'][number]): Promise<Judged> {
  const { prepared, question } = here;
  const { patient, options } = prepared;
  const [branch] = scopeBranches([scope], question.type, { ...options, patient });
  if (branch) return judge(here, branch);
  const noPatient = scope.context === 'patient' && patient === undefined;
  const why = noPatient ? 'No patient is in context.' : `It does not reach ${question.type}.`;
  return { gives: false, why };
}

async function unbounded(here: Here): Promise<Judged> {
  const [branch] = policyOf(here.prepared, here.question.type);
  return branch ? judge(here, branch) : { gives: false, why: 'Nothing allows it.' };
}

async function judge(here: Here, { ops, where }: Branch): Promise<Judged> {
  const { op, id, type } = here.question;
  if (!ops.has(op)) return { gives: false, why: `It does not give "${op}".` };
  if (where.length === 0) return { gives: true, why: `It gives "${op}" on every ${type}.` };
  if (id === undefined) return { gives: 'depends', why: `It gives "${op}" on what fits.` };
  const fits = await finds(here, where);
  return { gives: fits, why: fits ? `${type}/${id} fits.` : `${type}/${id} does not fit.` };
}

async function finds({ service, prepared, question }: Here, where: readonly Term[]) {
  const { type, id = '' } = question;
  const counts = { lenient: false, count: 1, maxCount: 1 };
  const params = [['_id', id]] as const;
  const query = parseQuery({ ...prepared.options, types: [type], params, ...counts });
  query.where.push(...where);
  const { matches } = await service.store.search({ kind: 'system', name: 'access' }, query);
  return matches.length > 0;
}

function anyGives(judged: readonly Judged[]): Gives {
  if (judged.some(({ gives }) => gives === true)) return true;
  return judged.some(({ gives }) => gives === 'depends') ? 'depends' : false;
}

function both(left: Gives, right: Gives): Gives {
  if (left === false || right === false) return false;
  return left === true && right === true ? true : 'depends';
}

export const routes: readonly AuthRoute[] = [
  { method: 'GET', path: '/admin/access/explain', handler: explain },
];
