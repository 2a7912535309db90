interface PendingTranscript {
  /** Set when the server has confirmed the utterance. */
  item: string | undefined;
  resolve: (text: string | undefined) => void;
  reject: (error: Error) => void;
}

const TRANSCRIPTION = 'conversation.item.input_audio_transcription';

/** The texts of utterances, which arrive in any order and at any time. */
export class OpenAiRealtimeTranscripts {
  private readonly awaited = new Set<PendingTranscript>();

  /** Expects the text of a committed utterance. @returns the text; undefined when transcription failed */
  expect(): Promise<string | undefined> {
    const text = new Promise<string | undefined>((resolve, reject) => {
      this.awaited.add({ item: undefined, resolve, reject });
    });
    // A cancelled wait needs no text.
    text.catch(() => undefined);
    return text;
  }

  take(type: string, { item_id: item, transcript }: Record<string, unknown>): void {
    if (typeof item !== 'string') return;
    if (type === 'input_audio_buffer.committed') {
      const [next] = [...this.awaited].filter((one) => one.item === undefined);
      if (next) next.item = item;
    } else if (type === `${TRANSCRIPTION}.completed` || type === `${TRANSCRIPTION}.failed`) {
      const one = [...this.awaited].find((each) => each.item === item);
      if (!one) return;
      this.awaited.delete(one);
      one.resolve(typeof transcript === 'string' ? transcript.trim() : undefined);
    }
  }

  end(error: Error): void {
    for (const { reject } of this.awaited) reject(error);
    this.awaited.clear();
  }
}
