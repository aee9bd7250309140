import type { Grant, LaunchContext } from './types.ts';

/** As the statements select a grant; `expires` in Unix seconds. */
export type GrantRow = readonly [
  id: string,
  clientId: string,
  userId: string | null,
  sessionId: string | null,
  scope: string,
  context: LaunchContext,
  offline: boolean,
  expires: number | null,
];

export function grantOf([id, clientId, userId, sessionId, ...rest]: GrantRow): Grant {
  const [scope, context, offline, expires] = rest;
  return {
    ...{ id, clientId, userId: userId ?? undefined, sessionId: sessionId ?? undefined },
    ...{ scope, context, offline },
    ...(expires !== null && { expiresAt: Math.round(expires * 1000) }),
  };
}
