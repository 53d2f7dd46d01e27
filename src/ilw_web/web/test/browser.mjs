// What of a browser the link and the stick touch, on a clock that the test turns.
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
class Element extends EventTarget { tagName = 'DIV'; }

// Turn the clock back to 0 and forget all that was.
export function anew() {
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({apis: ['setTimeout', 'setInterval', 'Date']});
  mock.method(performance, 'now', () => Date.now());
  Socket.all.length = pads.length = 0;
  Object.assign(globalThis, {
    WebSocket: Socket, HTMLElement: Element, HTMLButtonElement: class extends Element {},
    location: {protocol: 'http:', host: '127.0.0.1:8765'}, document: new EventTarget(),
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
