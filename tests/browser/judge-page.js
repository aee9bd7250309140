/*
 * Runs in the browser; its value is a list of what is wrong with the page: structure (WCAG 1.3.1,
 * 2.4.2, 3.1.1), labels (3.3.2), contrast of text (1.4.3), sideways scrolling (1.4.10), size of what
 * is to be pressed (2.5.8).
 */
(() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const nameOf = (element) =>
    `<${element.localName}> "${(element.textContent || element.name || '').trim().slice(0, 40)}"`;
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });

  const colourOf = (text) => {
    const [red, green, blue, alpha = 1] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const luminance = (channels) => {
    const [red, green, blue] = channels.map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const groundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { channels, alpha } = colourOf(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return channels;
    }
    return [255, 255, 255];
  };
  const contrastOf = (element) => {
    const text = luminance(colourOf(getComputedStyle(element).color).channels);
    const ground = luminance(groundOf(element));
    return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  };
  const hasText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');

  if (all('h1').length !== 1) faults.push(`${all('h1').length} h1`);
  if (all('main').length !== 1) faults.push(`${all('main').length} main`);
  if (!document.documentElement.lang) faults.push('no lang');
  if (document.title.trim() === '') faults.push('no title');
  for (const script of all('script')) {
    // The one file that passkeys need.
    const isOurs = /^\/auth\/webauthn\.js\?[0-9a-f]+$/.test(script.getAttribute('src') ?? '');
    if (!isOurs || script.textContent !== '') faults.push('a script');
  }
  const ids = all('[id]').map(({ id }) => id);
  for (const id of ids.filter((one, at) => ids.indexOf(one) !== at)) faults.push(`id ${id} twice`);
  for (const element of all('[aria-describedby]')) {
    const missing = element.getAttribute('aria-describedby').split(' ');
    for (const id of missing.filter((one) => !ids.includes(one))) faults.push(`no id ${id}`);
  }
  for (const field of all('input:not([type=hidden]), select, textarea')) {
    if ((field.labels?.length ?? 0) === 0) faults.push(`no label: ${nameOf(field)}`);
  }
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) faults.push(`scrolls sideways: ${scrollWidth} px`);
  for (const element of all('body *').filter(isShown)) {
    const contrast = hasText(element) ? contrastOf(element) : 21;
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${nameOf(element)}`);
  }
  for (const element of all('button, summary, input:not([type=hidden])').filter(isShown)) {
    const { width, height } = element.getBoundingClientRect();
    const label = element.labels?.[0]?.getBoundingClientRect().height ?? 0;
    if (Math.max(height, label) < 24 || width < 18) faults.push(`too small: ${nameOf(element)}`);
  }
  return faults;
})();
