/**
 * The path to route by: the request line's, without the changes that URL parsers make, so that `.`
 * and `..` stay ids. A slash at the end is overlooked.
 */
export function pathOf(requestUrl: string | undefined): string {
  let url = requestUrl ?? '/';
  if (!url.startsWith('/')) url = url.replace(/^https?:\/\/[^/?]*/i, '') || '/';
  const mark = url.indexOf('?');
  const path = (mark < 0 ? url : url.slice(0, mark)) || '/';
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
