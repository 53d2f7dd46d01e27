// The cockpit: five pages over one socket, and an emergency stop that is always there.
import './style.css';
import {button} from './dom';
import {drivePage, type Page} from './pages/drive';
import {healthPage} from './pages/health';
import {judgePage} from './pages/judge';
import {Link, type Hello} from './link';
import {recordPage} from './pages/record';
import {trainPage} from './pages/train';

const KEYS: Record<string, [string, Record<string, string>]> = {
  m: ['arm', {}], k: ['disarm', {}], u: ['reset', {}], b: ['start', {}],
  y: ['save', {outcome: 'success'}], n: ['save', {outcome: 'failure'}], r: ['discard', {}]};

const at = (id: string): HTMLElement => document.getElementById(id)!;
const tell = (text: string): void => { at('notice').textContent = text; };

// The token leaves the address bar: a picture of the screen does not show it.
const token = location.hash.slice(1) || sessionStorage.getItem('token') || '';
sessionStorage.setItem('token', token);
history.replaceState(null, '', location.pathname);

const link = new Link(token, tell);

function show(pages: Page[], chosen: Page): void {
  at('main').replaceChildren(chosen.element);
  chosen.open?.();
  [...at('tabs').children].forEach((tab, i) => {
    tab.setAttribute('aria-selected', String(pages[i] === chosen));
  });
}

function begin(hello: Hello): void {
  const drive = drivePage(link, hello, tell);
  const pages = [drive, recordPage(link, tell), trainPage(link, tell),
    judgePage(link, tell, hello.task), healthPage(link, () => drive.scene?.pictures ?? 0)];
  at('tabs').replaceChildren(...pages.map((page) => {
    const tab = button(page.name, () => show(pages, page));
    tab.setAttribute('role', 'tab');
    return tab;
  }));
  show(pages, drive);
  document.title = `ILW cockpit: ${hello.task}`;
}

let begun = false;
link.on('hello', (news) => {
  if (!begun) { begun = true; begin(news as unknown as Hello); }
});
link.on('seat', (news) => {
  at('who').textContent = link.drives ? 'You drive' : news.driver === null ? 'Nobody has the wheel'
    : 'Somebody else drives';
});
at('estop').addEventListener('click', () => link.estop());
addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLElement
    && ['INPUT', 'TEXTAREA', 'SELECT'].includes(event.target.tagName);
  if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === 'x') link.estop();
  const asked = KEYS[key];
  if (asked) void link.request('call', ...asked).then((answer) => tell(answer.ok ? '' : answer.text));
});
link.connect();
