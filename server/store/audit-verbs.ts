import type { SearchQuery } from '../fhir/query.ts';
import { historyOfEvent, type Journal, readEvent, vreadEvent } from './audit-read.ts';
import { AUDIT_EVENT, refuseJoins } from './audit-refused.ts';
import { searchEvents } from './audit-search.ts';
import { refused } from './search-refused.ts';
import type { Store } from './store.ts';

type Verbs = Pick<Store, 'read' | 'vread' | 'history' | 'search' | 'everything' | 'explain'>;

/** Whether the search is one of the journal. */
const isOfEvents = ({ types }: SearchQuery): boolean =>
  types.length === 1 && types[0] === AUDIT_EVENT;

/** The verbs that read, of which AuditEvents come out of the journal. */
export function journaled(journal: Journal, inner: Verbs): Verbs {
  const { definitions } = journal.context;
  return {
    ...inner,
    read: (actor, type, id) =>
      type === AUDIT_EVENT ? readEvent(journal, actor, id) : inner.read(actor, type, id),
    vread: (actor, type, id, versionId) =>
      type === AUDIT_EVENT
        ? vreadEvent(journal, actor, { id, versionId })
        : inner.vread(actor, type, id, versionId),
    history: (actor, query) =>
      query.type === AUDIT_EVENT
        ? historyOfEvent(journal, actor, query)
        : inner.history(actor, query),
    search: async (actor, query) => {
      if (isOfEvents(query)) return searchEvents(journal, actor, query);
      refuseJoins(definitions, query);
      return inner.search(actor, query);
    },
    explain: async (actor, query) => {
      if (isOfEvents(query)) throw refused('_explain', 'not-supported', NO_PLAN);
      refuseJoins(definitions, query);
      return inner.explain(actor, query);
    },
  };
}

const NO_PLAN =
  'AuditEvents are searched in the audit journal, event by event, so there is no plan';
