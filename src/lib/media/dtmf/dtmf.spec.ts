import { checkDigits, DtmfReceiver, DtmfSender, writeTelephoneEvent, writeTone, type DtmfStep } from './dtmf.js';
import { energy, ToneBank } from '../../audio/index.js';

function steps(digits: string): DtmfStep[] {
  const sender = new DtmfSender();
  sender.enqueue(digits, () => undefined);
  const taken: DtmfStep[] = [];
  for (let step = sender.next(); step; step = sender.next()) taken.push(step);
  return taken;
}

interface Event {
  event: number;
  durationSamples: number;
  end: boolean;
  timestamp: number;
  marker: boolean;
}

function receive(events: Partial<Event>[]): string {
  const receiver = new DtmfReceiver();
  return events
    .map((given) => {
      const event = { event: 1, durationSamples: 160, end: false, timestamp: 0, marker: false, ...given };
      const payload = Buffer.alloc(4);
      writeTelephoneEvent(payload, 0, event);
      return receiver.packet({ payload, timestamp: event.timestamp, marker: event.marker }) ?? '';
    })
    .join('');
}

describe('sending digits', () => {
  it('ends each with three packets of the same duration', () => {
    const taken = steps('5').filter((step) => step.type !== 'gap');
    expect(taken).toHaveLength(8);
    expect(taken[0]).toMatchObject({ event: 5, durationSamples: 160, first: true, end: false });
    expect(taken.slice(5)).toEqual([
      { type: 'tone', event: 5, tick: 5, durationSamples: 960, first: false, end: true },
      { type: 'end-again', event: 5, durationSamples: 960 },
      { type: 'end-again', event: 5, durationSamples: 960 },
    ]);
  });

  it('leaves a gap between two of them', () => {
    const types = steps('55').map(({ type }) => type);
    const second = types.lastIndexOf('end-again', types.length / 2) + 1;
    expect(types.slice(second, second + 4)).toEqual(['gap', 'gap', 'gap', 'tone']);
  });

  it('pauses half a second for a comma and a w', () => {
    expect(steps(',')).toHaveLength(25);
    expect(steps('w').every(({ type }) => type === 'gap')).toBe(true);
  });

  it('knows all events by their numbers', () => {
    const events = steps('0123456789*#ABCDabcd').flatMap((step) =>
      step.type === 'tone' && step.first ? [step.event] : [],
    );
    expect(events).toEqual([...Array(16).keys(), 12, 13, 14, 15]);
  });

  it('tells when all is sent, and at once of nothing', () => {
    const sender = new DtmfSender();
    const done: string[] = [];
    sender.enqueue('', () => done.push('nothing'));
    sender.enqueue(',', () => done.push('pause'));
    expect(done).toEqual(['nothing']);
    for (let tick = 0; tick < 24; tick++) sender.next();
    expect(done).toEqual(['nothing']);
    sender.next();
    expect(done).toEqual(['nothing', 'pause']);
    expect(sender.next()).toBeUndefined();
  });

  it.each(['E', '1 2', '+1', 'é'])('refuses %j', (digits) => {
    expect(() => {
      checkDigits(digits);
    }).toThrow(RangeError);
  });

  it('makes the two tones of a digit', () => {
    const tone = new Int16Array(160);
    writeTone(tone, 5, 0);
    const share = (hz: number): number => (new ToneBank([hz], 160).energies(tone)[0] ?? 0) / energy(tone);
    expect(share(770)).toBeCloseTo(0.5, 1);
    expect(share(1336)).toBeCloseTo(0.5, 1);
    expect(share(941)).toBeLessThan(0.05);
  });
});

describe('receiving digits', () => {
  it('reports one once, however often its packets come', () => {
    expect(receive([{ marker: true }, {}, { end: true }, { end: true }, { end: true }])).toBe('1');
  });

  it('needs neither its first packet nor its end', () => {
    expect(receive([{ durationSamples: 480 }, { timestamp: 4_000, marker: true, event: 2 }])).toBe('12');
    expect(receive([{ end: true }])).toBe('1');
  });

  it('tells the same digit twice by the timestamp', () => {
    expect(receive([{ end: true }, { timestamp: 1_600, marker: true }])).toBe('11');
    expect(receive([{ end: true }, { timestamp: 1_600 }])).toBe('11');
  });

  it('takes the segments of a long one for one', () => {
    expect(
      receive([
        { durationSamples: 65_535 },
        { timestamp: 65_535, durationSamples: 800 },
        { timestamp: 65_535, end: true },
      ]),
    ).toBe('1');
  });

  it('does not repeat one whose packets were overtaken', () => {
    expect(receive([{ end: true }, { event: 2, timestamp: 1_600 }, { end: true }])).toBe('12');
  });

  it('goes on where the timestamp wraps, and after the clock jumped back', () => {
    expect(
      receive([
        { timestamp: 0xffff_ff00, end: true },
        { event: 2, timestamp: 800 },
      ]),
    ).toBe('12');
    expect(
      receive([
        { timestamp: 1_000_000, end: true },
        { event: 2, timestamp: 800 },
      ]),
    ).toBe('12');
  });

  it('passes over flash hooks and cut packets', () => {
    expect(receive([{ event: 16 }])).toBe('');
    expect(new DtmfReceiver().packet({ payload: Buffer.of(1, 2, 3), timestamp: 0, marker: true })).toBeUndefined();
  });
});
