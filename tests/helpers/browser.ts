/** A browser as far as forms, cookies and redirects go; it takes no part in what scripts do. */
export interface Browser {
  /** Cookies by name. */
  cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<Visit>;
  /** Sends a form as a page of the server would. */
  post(path: string, fields: Form, headers?: Record<string, string>): Promise<Visit>;
}

/** Values are strings; where a name stands several times, a list of pairs. */
export type Form = Record<string, string> | [string, string][];

export interface Visit {
  status: number;
  headers: Headers;
  text: string;
  /** `Location`, without the origin where it is the server's. */
  to: string | undefined;
  /** The values of hidden fields by name; the last one where several have it. */
  hidden: Record<string, string>;
  /** `Set-Cookie` as it came. */
  set: string[];
}

/** A browser that does not follow redirects by itself. */
export function openBrowser(origin: string): Browser {
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit): Promise<Visit> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...(cookie && { cookie }), ...(init.headers as Record<string, string>) };
    const url = new URL(path, origin);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    const set = response.headers.getSetCookie();
    for (const text of set) keep(cookies, text);
    const to = response.headers.get('location')?.replace(new RegExp(`^${origin}(?=/)`), '');
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      to,
      hidden: hiddenOf(text),
      set,
    };
  };
  return {
    cookies,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, fields, headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { origin, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields).toString(),
      }),
  };
}

function keep(cookies: Map<string, string>, text: string): void {
  const [pair = '', ...attributes] = text.split(/;\s*/);
  const [name = '', value = ''] = pair.split(/=(.*)/s);
  const gone = attributes.some((one) => /^max-age=0$/i.test(one));
  if (gone) cookies.delete(name);
  else cookies.set(name, value);
}

function hiddenOf(text: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(
    /<input type="hidden" name="([^"]*)" value="([^"]*)"/g,
  )) {
    fields[name] = value
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
  }
  return fields;
}
