import type { Browser, Visit } from './browser.ts';

/** A form as a page shows it, before anybody touches it. */
export interface PageForm {
  action: string;
  method: string;
  /** What would be sent, the buttons aside: hidden and text fields, ticked boxes. */
  fields: Record<string, string>;
  /** Boxes that are not ticked. */
  unticked: string[];
  buttons: { name: string; value: string; label: string }[];
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');

function attributesOf(tag: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', value] of tag.matchAll(/\s([a-z-]+)(?:="([^"]*)")?(?=[\s/>])/g)) {
    found[name] = unescaped(value ?? '');
  }
  return found;
}

/** The words of a piece of HTML. */
export const wordsOf = (html: string): string =>
  unescaped(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();

/** The forms of a page in its order. */
export const formsOf = ({ text }: Pick<Visit, 'text'>): PageForm[] =>
  [...text.matchAll(/(<form\b[^>]*>)(.*?)<\/form>/gs)].map(([, tag = '', inner = '']) => {
    const { action = '', method = 'get' } = attributesOf(tag);
    const form: PageForm = { action, method, fields: {}, unticked: [], buttons: [] };
    for (const [input] of inner.matchAll(/<input\b[^>]*>/gs)) addInput(form, attributesOf(input));
    for (const [, button = '', label = ''] of inner.matchAll(
      /(<button\b[^>]*>)(.*?)<\/button>/gs,
    )) {
      const { name = '', value = '' } = attributesOf(button);
      form.buttons.push({ name, value, label: wordsOf(label) });
    }
    return form;
  });

function addInput(form: PageForm, given: Record<string, string>): void {
  const { name = '', type = 'text', value = '' } = given;
  const isBox = type === 'checkbox' || type === 'radio';
  if (isBox && !('checked' in given)) form.unticked.push(name);
  else form.fields[name] = value;
}

export interface Deeds {
  /** Begin of the label of the button to press. */
  press: string;
  fill?: Record<string, string>;
  untick?: readonly string[];
  tick?: readonly string[];
}

/** What a person sends with the form that has the button. */
export function sentBy(
  page: Pick<Visit, 'text'>,
  deeds: Deeds,
): [PageForm, Record<string, string>] {
  const has = (form: PageForm) => form.buttons.find(({ label }) => label.startsWith(deeds.press));
  const form = formsOf(page).find(has);
  const button = form && has(form);
  if (!form || !button) throw new Error(`no button "${deeds.press}" on: ${wordsOf(page.text)}`);
  const fields = { ...form.fields, ...deeds.fill };
  for (const name of deeds.untick ?? []) {
    if (!(name in fields)) throw new Error(`${name} is not ticked`);
    delete fields[name];
  }
  for (const name of deeds.tick ?? []) {
    if (!form.unticked.includes(name)) throw new Error(`no box ${name} to tick`);
    fields[name] = 'yes';
  }
  if (button.name !== '') fields[button.name] = button.value;
  return [form, fields];
}

/** Presses a button of the page. */
export function press(browser: Browser, page: Visit, deeds: Deeds): Promise<Visit> {
  const [form, fields] = sentBy(page, deeds);
  return browser.post(form.action, fields);
}

/** Follows redirects as long as they stay on the server. */
export async function follow(browser: Browser, visit: Visit): Promise<Visit> {
  let at = visit;
  for (let hops = 0; at.to?.startsWith('/'); hops++) {
    if (hops > 10) throw new Error(`it goes round: ${at.to}`);
    at = await browser.get(at.to);
  }
  return at;
}
