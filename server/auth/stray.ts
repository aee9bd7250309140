import { type AuthContext, type AuthRoute, answerJson } from './route.ts';

/**
 * Answers what no route does: 405 with the methods that there are (RFC 9110 15.5.6), or 404.
 * @param routes all of the server's
 */
export function strayAnswer(routes: readonly AuthRoute[]): (context: AuthContext) => Response {
  const known = routes.map(({ method, path }) => ({ method, fits: patternOf(path) }));
  return ({ req }) => {
    const methods = known.filter(({ fits }) => fits.test(req.path)).map(({ method }) => method);
    if (methods.length === 0) {
      const text = 'There is nothing at this address.';
      return answerJson({ error: 'not_found', error_description: text }, { status: 404 });
    }
    const all = [...new Set(methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])))];
    const text = `Only ${all.join(', ')} can be used here.`;
    return answerJson(
      { error: 'invalid_request', error_description: text },
      { status: 405, headers: { Allow: all.join(', ') } },
    );
  };
}

/** `/admin/clients/:id` as a pattern. */
const patternOf = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.$]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);
