import type { Grant, LaunchContext } from './types.ts';

/** id, client, user, session, scope, context, offline: as the statements select a grant. */
export type GrantRow = readonly [
  id: string,
  clientId: string,
  userId: string | null,
  sessionId: string | null,
  scope: string,
  context: LaunchContext,
  offline: boolean,
];

export function grantOf([id, clientId, userId, sessionId, ...rest]: GrantRow): Grant {
  const [scope, context, offline] = rest;
  return {
    ...{ id, clientId, userId: userId ?? undefined, sessionId: sessionId ?? undefined },
    ...{ scope, context, offline },
  };
}
