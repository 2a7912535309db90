import { AnswerDetector } from './answer-detector.js';

// Globals are slow to reach in jest's context, and these are needed for each sample.
const { sin, sqrt, max, PI } = Math;

type Sound = (atSample: number) => number;

/** Reproducible noise from -1 to 1. */
function noise(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const tone =
  (...hz: number[]): Sound =>
  (i) =>
    hz.reduce((sum, each) => sum + 4_000 * sin((2 * PI * each * i) / 8_000), 0);

/** A voice: a gliding pitch with many harmonics and syllables of 250 ms with short gaps between. */
function speech(pitchHz = 120, amplitude = 5_000): Sound {
  const breath = noise(pitchHz);
  let phase = 0;
  return (i) => {
    const seconds = i / 8_000;
    phase += (2 * PI * pitchHz * (1 + 0.25 * sin(2 * PI * 1.7 * seconds))) / 8_000;
    const syllable = max(0.15, sin(PI * ((seconds / 0.25) % 1)));
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic++) sum += sin(harmonic * phase + harmonic) / sqrt(harmonic);
    return (amplitude * syllable * (sum + 0.3 * breath())) / 3;
  };
}

const silence: Sound = () => 0;

/** Plays sounds one after another on a line with some noise; what was found, with the milliseconds by then. */
function hear(parts: [Sound, number][], lineNoise = 20): { found: string; atMs: number }[] {
  const detector = new AnswerDetector();
  const hiss = noise(7);
  const found: { found: string; atMs: number }[] = [];
  const frame = new Int16Array(160);
  let filled = 0;
  let atMs = 0;
  for (const [sound, ms] of parts)
    for (let i = 0; i < ms * 8; i++) {
      frame[filled++] = sound(i) + lineNoise * hiss();
      if (filled < 160) continue;
      filled = 0;
      atMs += 20;
      for (const finding of detector.push(frame))
        found.push({
          found: finding.type === 'answered-by' ? `${finding.answer.by}: ${finding.answer.reason}` : finding.type,
          atMs,
        });
    }
  return found;
}

const what = (parts: [Sound, number][], lineNoise?: number): string[] =>
  hear(parts, lineNoise).map(({ found }) => found);

describe('who answered', () => {
  it.each([90, 120, 180, 220, 260])('is a person after a short word and silence, at %d Hz', (pitch) => {
    const [first, ...more] = hear([
      [silence, 600],
      [speech(pitch), 700],
      [silence, 3_000],
    ]);
    expect([first?.found, more]).toEqual(['human: short_greeting', []]);
    expect(first?.atMs).toBeLessThanOrEqual(600 + 700 + 700);
  });

  it.each([90, 120, 180, 220, 260])('is a machine that talks on, at %d Hz', (pitch) => {
    const [first] = hear([
      [silence, 400],
      [speech(pitch), 6_000],
      [silence, 400],
    ]);
    expect(first?.found).toBe('machine: long_greeting');
    expect(first?.atMs).toBeLessThan(4_000);
  });

  it('stays unknown without speech', () => {
    expect(hear([[silence, 8_000]])).toEqual([{ found: 'unknown: no_speech', atMs: 6_000 }]);
  });

  it.each([50, 300, 800])('is told over steady noise of %d', (lineNoise) => {
    const parts: [Sound, number][] = [
      [silence, 1_500],
      [speech(120, 9_000), 700],
      [silence, 2_000],
    ];
    expect(what(parts, lineNoise)).toEqual(['human: short_greeting']);
  });

  it.each([
    ['American', [440, 480], 2_000, 4_000],
    ['European', [425], 1_000, 4_000],
    ['British', [400, 450], 400, 200],
  ] as const)('is not decided by %s ringing after the answer', (_, hz, onMs, offMs) => {
    const ringing: [Sound, number][] = [
      [tone(...hz), onMs],
      [silence, offMs],
    ];
    expect(
      what([...ringing, ...ringing, ...ringing, ...ringing].slice(0, 8)).filter(
        (found) => found !== 'unknown: no_speech',
      ),
    ).toEqual([]);
  });

  it('is a person who answers after some ringing', () => {
    expect(
      what([
        [tone(440, 480), 2_000],
        [silence, 2_000],
        [speech(), 700],
        [silence, 1_500],
      ]),
    ).toEqual(['human: short_greeting']);
  });
});

describe('listening', () => {
  it('ends after a minute', () => {
    const detector = new AnswerDetector();
    for (let frame = 0; frame < 2_995; frame++) detector.push(new Int16Array(160));
    expect(detector.isDone).toBe(false);
    for (let frame = 0; frame < 5; frame++) detector.push(new Int16Array(160));
    expect(detector.isDone).toBe(true);
  });
});

describe('leaving a message', () => {
  it.each([500, 850, 1_000, 1_400, 2_000])('begins after a beep of %d Hz', (hz) => {
    const found = hear([
      [speech(), 5_000],
      [silence, 500],
      [tone(hz), 400],
      [silence, 2_000],
    ]);
    expect(found.map((each) => each.found)).toEqual(['machine: long_greeting', 'beep', 'greeting-over']);
    expect(found[1]?.atMs).toBeGreaterThan(5_900);
    expect(found[1]?.atMs).toBeLessThanOrEqual(6_100);
  });

  it('begins after silence when there is no beep', () => {
    const found = hear([
      [speech(), 5_000],
      [silence, 3_000],
    ]);
    expect(found.map((each) => each.found)).toEqual(['machine: long_greeting', 'greeting-over']);
    expect(found[1]?.atMs).toBeGreaterThanOrEqual(6_100);
    expect(found[1]?.atMs).toBeLessThanOrEqual(6_500);
  });

  it('knows a machine by its beep, however short its greeting', () => {
    expect(
      what([
        [speech(), 800],
        [silence, 200],
        [tone(1_000), 300],
        [silence, 500],
      ]),
    ).toEqual(['machine: beep', 'beep']);
  });

  it('takes a beep that fades in and out', () => {
    const faded: Sound = (i) => tone(1_000)(i) * Math.min(1, i / 400, (3_200 - i) / 400);
    expect(
      what([
        [silence, 300],
        [faded, 400],
        [silence, 300],
      ]),
    ).toEqual(['machine: beep', 'beep']);
  });

  it.each([
    ['a click of 100 ms', [[tone(1_000), 100]]],
    ['two tones', [[tone(697, 1_209), 400]]],
    ['two tones close to each other', [[tone(950, 1_000), 400]]],
    [
      'the three tones of a number not in service',
      [
        [tone(950), 330],
        [tone(1_400), 330],
        [tone(1_800), 330],
      ],
    ],
    [
      'the same with gaps',
      [
        [tone(950), 330],
        [silence, 30],
        [tone(1_400), 330],
        [silence, 30],
        [tone(1_800), 330],
      ],
    ],
    ['an answering fax', [[tone(2_100), 3_000]]],
    ['a ringing tone', [[tone(425), 1_000]]],
    [
      'noise',
      [
        [
          (() => {
            const hiss = noise(3);
            return () => 4_000 * hiss();
          })(),
          400,
        ],
      ],
    ],
  ] as [string, [Sound, number][]][])('is not begun by %s', (_, parts) => {
    expect(what([[silence, 300], ...parts, [silence, 600]])).not.toContain('beep');
  });

  it.each([90, 120, 180, 220, 260, 330])('is not begun by a voice at %d Hz', (pitch) => {
    expect(what([[speech(pitch), 10_000]])).not.toContain('beep');
  });
});
