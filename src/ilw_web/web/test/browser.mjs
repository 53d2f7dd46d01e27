// What of a browser the page touches, on a clock that the test turns.
import {mock} from 'node:test';

export class Socket {
  static OPEN = 1;
  static all = [];
  constructor(address, protocols) {
    Object.assign(this, {address, protocols, readyState: 0, sent: []});
    Socket.all.push(this);
  }
  send(text) { this.sent.push(text); }
  opens() { this.readyState = 1; this.onopen(); }
  hears(...news) { this.onmessage({data: JSON.stringify(news)}); }
  closes(reason = '') { this.readyState = 3; this.onclose({reason}); }
}

export const page = new EventTarget();
export const pads = [];

// An element as far as the page's own code makes and fills them; strings among its children are text.
export class Element extends EventTarget {
  constructor(tag = 'div') {
    super();
    Object.assign(this, {tagName: tag.toUpperCase(), children: [], attributes: {}, className: '', title: '', type: '',
      checked: false, selected: false, disabled: false, given: '', src: '', alt: '', isConnected: true, focused: false});
    this.classList = {toggle: (name, on) => { this.attributes[`.${name}`] = on; }};
  }
  get value() {
    return this.tagName === 'SELECT' ? (this.children.find((each) => each.selected) ?? this.children[0])?.value ?? '' : this.given;
  }
  set value(text) { this.given = text; }
  get textContent() { return this.children.map((each) => each.textContent ?? each).join(' '); }
  set textContent(text) { this.children = text ? [text] : []; }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  setAttribute(name, value) { this.attributes[name] = value; }
  focus() { this.focused = true; }
  click() { this.dispatchEvent(new Event('click')); }
  // Every element below it of a tag, in the order of the page.
  all(tag) {
    return this.children.filter((each) => each instanceof Element).flatMap((each) => [
      ...(each.tagName.toLowerCase() === tag ? [each] : []), ...each.all(tag)]);
  }
  // The button that says so; there is one.
  button(text) {
    const found = this.all('button').filter((each) => each.textContent === text);
    if (found.length !== 1) throw new Error(`${found.length} buttons say ${text}: ${this.textContent}`);
    return found[0];
  }
}

// Turn the clock back to 0 and forget all that was.
export function anew() {
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({apis: ['setTimeout', 'setInterval', 'Date']});
  mock.method(performance, 'now', () => Date.now());
  Socket.all.length = pads.length = 0;
  Object.assign(globalThis, {
    WebSocket: Socket, HTMLElement: Element, HTMLButtonElement: class extends Element {},
    location: {protocol: 'http:', host: '127.0.0.1:8765'}, document: Object.assign(new EventTarget(), {
      createElement: (tag) => new Element(tag), createElementNS: (_space, tag) => new Element(tag)}),
    addEventListener: page.addEventListener.bind(page)});
  Object.defineProperty(globalThis, 'navigator', {value: {getGamepads: () => pads}, configurable: true});
}

// Let time pass, step by step: node's mocked clock shows all timers of one tick its end.
export function later(ms) {
  for (let left = ms; left > 0; left -= 10) mock.timers.tick(Math.min(left, 10));
}

export function key(name, down = true, given = {}) {
  const event = new Event(down ? 'keydown' : 'keyup');
  Object.assign(event, {key: name, ...given});
  page.dispatchEvent(event);
}

// The messages that a socket was given, of one kind, as the server reads them.
export function said(socket, kind) {
  return socket.sent.map((text) => JSON.parse(text)).filter((each) => each.t === kind);
}
