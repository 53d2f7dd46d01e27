// Make elements without a framework, and without HTML from strings.
type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K, given: Record<string, unknown> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value as EventListener);
    else if (key in made && !key.includes('-')) Object.assign(made, {[key]: value});
    else made.setAttribute(key, String(value));
  }
  made.append(...children);
  return made;
}

export function button(text: string, onclick: () => void, title = ''): HTMLButtonElement {
  return el('button', {type: 'button', onclick, title}, text);
}

export function table(heads: string[], rows: Child[][]): HTMLTableElement {
  return el('table', {},
    el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', {scope: 'col'}, head)))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map((cell) => el('td', {}, cell))))));
}

export function list(texts: string[], className = ''): HTMLUListElement {
  return el('ul', {className}, ...texts.map((text) => el('li', {}, text)));
}
