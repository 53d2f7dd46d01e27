// The one socket to the cockpit's server: news in, requests out, joined again when it is lost.
export interface Field { name: string; unit?: string; low: number; high: number }
export interface PadLayout {
  name: string; axes: Record<string, number>; buttons: Record<string, number>;
  mapping: Record<string, string>; rest: {a: number[]; b: number[]};
}
export interface Hello {
  you: number; task: string; rate: number; pad: PadLayout; moves: Record<string, string>;
  action: Field[]; observation: Field[];
}
export interface Answer { ok: boolean; text: string; data: any }
type News = Record<string, any>;

const AGAIN_MS = 1000;
const PATIENCE_MS = 320_000;
const MOST_BYTES = 4096; // the server closes the socket at more

export class Link {
  you = 0;
  driver: number | null = null;
  viewers = 0;
  open = false;
  private socket: WebSocket | null = null;
  private readonly ears = new Map<string, ((news: News, body: Blob | null) => void)[]>();
  private readonly asked = new Map<number, (answer: Answer) => void>();
  private next = 1;

  constructor(private readonly token: string, private readonly tell: (text: string) => void) {
    this.on('hello', (news) => { this.you = news.you; });
    this.on('seat', (news) => { this.driver = news.driver; this.viewers = news.viewers; });
    this.on('answer', (news) => this.onAnswer(news));
  }

  get drives(): boolean { return this.open && this.driver === this.you; }

  on(kind: string, ear: (news: News, body: Blob | null) => void): void {
    this.ears.set(kind, [...(this.ears.get(kind) ?? []), ear]);
  }

  connect(): void {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/socket`, ['ilw.cockpit.1', this.token]);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => { this.open = true; this.tell(''); };
    socket.onmessage = (message) => this.onMessage(message.data);
    socket.onclose = (closed) => {
      const was = this.open;
      this.open = false;
      this.driver = null;
      for (const done of this.asked.values()) done({ok: false, text: 'The link was lost.', data: null});
      this.asked.clear();
      this.emit({t: 'seat', driver: null, viewers: 0}, null);
      this.tell(was ? `The link to the cockpit was lost. ${closed.reason} Joining again.`
        : 'The cockpit does not let this page in, or is gone. Open the link that it printed.');
      setTimeout(() => this.connect(), AGAIN_MS);
    };
  }

  // The text is compared by the server: an emergency stop is looked at before anything else.
  estop(): void { this.raw('{"t":"estop"}'); }

  send(message: News): void { this.raw(JSON.stringify(message)); }

  request(t: 'call' | 'ask' | 'do', name: string, given: Record<string, string> = {}): Promise<Answer> {
    const id = this.next++;
    return new Promise((resolve) => {
      const refuse = (text: string): void => resolve({ok: false, text, data: null});
      if (!this.open) { refuse('There is no link.'); return; }
      if (new TextEncoder().encode(JSON.stringify({t, id, name, with: given})).length > MOST_BYTES) {
        refuse('That is too much for one request. Choose fewer, or name them shorter.');
        return;
      }
      this.asked.set(id, resolve);
      setTimeout(() => this.onAnswer({id, ok: false, text: 'No answer came.', data: null}),
        PATIENCE_MS);
      this.send({t, id, name, with: given});
    });
  }

  private raw(text: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(text);
  }

  private onAnswer(news: News): void {
    if (news.id === null) {
      if (!news.ok) this.tell(`Emergency stop: ${news.text}`);
      return;
    }
    const done = this.asked.get(news.id);
    this.asked.delete(news.id);
    done?.({ok: news.ok, text: news.text, data: news.data});
  }

  private onMessage(data: string | ArrayBuffer): void {
    if (typeof data === 'string') {
      for (const news of JSON.parse(data) as News[]) this.emit(news, null);
      return;
    }
    const length = new DataView(data).getUint16(0);
    const head = new TextDecoder().decode(new Uint8Array(data, 2, length));
    this.emit(JSON.parse(head), new Blob([new Uint8Array(data, 2 + length)]));
  }

  private emit(news: News, body: Blob | null): void {
    for (const ear of this.ears.get(news.t) ?? []) ear(news, body);
  }
}
