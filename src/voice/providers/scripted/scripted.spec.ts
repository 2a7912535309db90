import { joined } from '../../../../test/support/audio.js';
import { type ModelMessage, type ToolDefinition } from '../ports.js';
import { all } from '../../../../test/voice/providers/asks.js';
import { ScriptedModel, ScriptedTextToSpeech, ScriptedSpeechToText } from './scripted.js';

const { signal } = new AbortController();
const END_CALL: ToolDefinition = { name: 'end_call', description: '', parameters: {} };
const hear = { language: undefined, signal };

const answer = (messages: readonly ModelMessage[], tools: readonly ToolDefinition[] = []) =>
  all(new ScriptedModel().respond({ messages, tools, temperature: undefined, signal }));
const say = async (text: string) =>
  joined(...(await all(new ScriptedTextToSpeech().synthesize(text, { voice: undefined, ...hear }))));

describe('scripted providers', () => {
  it('hold a conversation with each other without a key', async () => {
    let text = 'Hello!';
    const heard: string[] = [];
    for (let turn = 0; turn < 4; turn++) {
      text = (await new ScriptedSpeechToText().transcribe(await say(text), hear)).text;
      heard.push(text);
      const events = await answer([{ role: 'user', content: text }]);
      text = events.flatMap((event) => (event.type === 'text' ? [event.text] : [])).join('');
    }
    expect(heard).toEqual([
      'Hello!',
      'Hello! How can I help you today?',
      'Good question. I am a scripted voice and only know a few answers.',
      'I see. Please tell me more.',
    ]);
  });

  it('end the call when it is over, if they may', async () => {
    const goodbye: ModelMessage = { role: 'user', content: 'Goodbye' };
    const withTool = await answer([goodbye], [END_CALL]);
    expect(withTool.at(-2)).toEqual({
      type: 'tool_call',
      call: { id: 'call_1', name: 'end_call', arguments: '{"reason":"The conversation is over"}' },
    });
    expect(withTool.at(-1)).toEqual({ type: 'usage', inputTokens: 2, outputTokens: 9 });
    expect((await answer([goodbye])).map(({ type }) => type)).not.toContain('tool_call');
  });

  const TRANSFER: ToolDefinition = {
    name: 'transfer_call',
    description: '',
    parameters: { type: 'object', properties: { to: { type: 'string', enum: ['+4930123', '+4930124'] }, why: {} } },
  };
  const person: ModelMessage = { role: 'user', content: 'I would like to speak to a person.' };
  const textOf = (events: Awaited<ReturnType<typeof answer>>) =>
    events.map((event) => (event.type === 'text' ? event.text : '')).join('');

  it('use a tool with the first of what it offers to choose from', async () => {
    expect(await answer([person], [TRANSFER])).toContainEqual({
      type: 'tool_call',
      call: { id: 'call_1', name: 'transfer_call', arguments: '{"to":"+4930123"}' },
    });
  });

  it('do not promise what they cannot do', async () => {
    expect(textOf(await answer([person], [TRANSFER]))).toBe('One moment, I will connect you.');
    expect(textOf(await answer([person]))).toBe(
      'I am sorry, I cannot connect you from here. Shall somebody call you back?',
    );
  });

  it.each([
    ['You call about: Follow-up on quote. Be brief.', 'Follow-up on quote'],
    ['You are calling about the $& of last week', 'the $& of last week'],
    ['You are Ada.', 'your request'],
    ['', 'your request'],
  ])('know from "%s" what it is about: %s', async (content, topic) => {
    const events = await answer([
      { role: 'system', content },
      { role: 'user', content: 'Hello! What is this about?' },
    ]);
    expect(textOf(events)).toBe(`I am calling about: ${topic}. Do you have a minute?`);
  });

  it('count the seconds they hear', async () => {
    await expect(new ScriptedSpeechToText().transcribe(new Int16Array(4_000), hear)).resolves.toEqual({
      text: '',
      seconds: 0.5,
    });
  });

  it('stop when they are told to', async () => {
    const controller = new AbortController();
    const given = { language: undefined, voice: undefined, signal: controller.signal };
    const speech = new ScriptedTextToSpeech().synthesize('Hello there', given);
    const thought = new ScriptedModel().respond({
      messages: [{ role: 'user', content: 'Hello' }],
      tools: [],
      temperature: undefined,
      signal: controller.signal,
    });
    await Promise.all([speech.next(), thought.next()]);
    controller.abort();
    await expect(speech.next()).rejects.toBe(controller.signal.reason);
    await expect(thought.next()).rejects.toBe(controller.signal.reason);
    await expect(new ScriptedSpeechToText().transcribe(new Int16Array(1), given)).rejects.toBe(
      controller.signal.reason,
    );
  });
});
