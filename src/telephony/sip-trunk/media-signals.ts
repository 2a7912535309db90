import { type MediaEvent } from '../../lib/media/index.js';
import { type LegSignal } from '../provider.js';

/** The signal for a media event; undefined for an event that is none. */
export function signalOf(event: MediaEvent): LegSignal | undefined {
  const { at } = event;
  switch (event.type) {
    case 'dtmf':
      return { type: 'dtmf', at, digit: event.digit };
    case 'answered-by':
      return { type: 'answered_by', at, ...event.answer };
    case 'beep':
      return { type: 'beep', at };
    case 'greeting-over':
      return { type: 'greeting_over', at };
    case 'media-lost':
    case 'recording-failed':
      return undefined;
  }
}
