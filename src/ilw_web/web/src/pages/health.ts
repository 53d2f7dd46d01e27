// Health: which nodes run, how often topics come, what the nodes say of themselves, and this page.
import {el, list, table} from '../dom';
import type {Page} from './drive';
import type {Link} from '../link';

export function healthPage(link: Link, pictures: () => number): Page {
  const nodes = el('div', {}), rates = el('div', {}), said = el('div', {});
  const page = el('p', {id: 'figures'});
  let before = pictures(), beforeMs = performance.now();
  link.on('health', (news) => {
    const now = performance.now(), drawn = pictures();
    const rate = (drawn - before) / ((now - beforeMs) / 1000);
    [before, beforeMs] = [drawn, now];
    page.textContent = `This page draws ${rate.toFixed(0)} pictures/s; ${link.viewers} viewer(s).`;
    page.dataset['pictures'] = rate.toFixed(1);
    if (!element.isConnected) return;
    nodes.replaceChildren(list(news.nodes));
    rates.replaceChildren(table(['topic', 'messages/s'],
      Object.entries(news.rates as Record<string, number>).sort().map(([topic, n]) => [topic, String(n)])));
    said.replaceChildren(table(['level', 'who', 'says', 'values', 'age'], (news.diagnostics as any[]).map((each) => [
      el('span', {className: each.old ? 'warn' : each.level}, each.old ? 'silent' : each.level), each.name, each.text,
      Object.entries(each.values).map(([key, value]) => `${key} ${value}`).join(', '), `${each.age} s`])));
  });
  const element = el('div', {className: 'health'}, page,
    el('section', {}, el('h2', {}, 'Diagnostics'), said),
    el('section', {}, el('h2', {}, 'Nodes'), nodes),
    el('section', {}, el('h2', {}, 'Rates'), rates));
  return {name: 'Health', element};
}
