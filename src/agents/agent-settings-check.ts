import { type Check, flag, list, number, object, rule, text, whole } from './shape-check.js';

const CHOICE = { providerId: text(100), model: text(200), voice: text(200) };
const STAGE = object({ ...CHOICE, fallback: object(CHOICE) });
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MOST_KNOWLEDGE_BASES = 10;

/** How long the texts are that an agent says. */
export const SPOKEN_CHARACTERS = 2_000;

/** What those fields of an agent must be that are more than a plain value, tools aside. */
export const SETTINGS_CHECKS = {
  providers: object({ transcription: STAGE, model: STAGE, speech: STAGE, speechToSpeech: object(CHOICE) }),
  endpointing: object({ silenceMs: whole(100, 3_000), sensitivity: number(0, 1) }),
  interruption: object({ enabled: flag, afterMs: whole(20, 3_000) }),
  silence: object({
    afterSeconds: whole(1, 600),
    prompt: text(SPOKEN_CHARACTERS),
    times: whole(0, 10),
    farewell: text(SPOKEN_CHARACTERS),
  }),
  knowledgeBaseIds: list(
    rule((value) => typeof value === 'string' && UUID.test(value), 'must be the id of a knowledge base'),
    0,
    MOST_KNOWLEDGE_BASES,
  ),
} as const satisfies Record<string, Check>;
