import { setImmediate as othersTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type QueryDeepPartialEntity, Repository } from 'typeorm';
import {
  BatchedLookup,
  Database,
  DomainError,
  isId,
  newId,
  notFound,
  Page,
  parseWav,
  resample,
} from '../platform/index.js';
import { AgentEntity } from './agent.entity.js';
import { schemaProblem } from './answer-schema.js';
import { type CreateAgentRequest, type UpdateAgentRequest } from './agents.dto.js';

/** What live calls need of an agent. */
export type AgentForCalls = Pick<
  AgentEntity,
  | 'voiceId'
  | 'language'
  | 'prompt'
  | 'firstMessage'
  | 'recordCalls'
  | 'onMachine'
  | 'voicemailMessage'
  | 'listenSeconds'
> & {
  /** PCM16 at 8 kHz, played instead of `firstMessage`. */
  greetingAudio: Int16Array | undefined;
};

const LISTEN_SECONDS = 30;
/** Of greeting audio. */
const MAX_AUDIO_SECONDS = 120;
const SAMPLE_RATE = 8_000;
/** Of uploads. To resample from a rate that has no small ratio to ours takes ten times as long. */
const USUAL_RATES = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
/** So much is resampled at a time. */
const PART_SECONDS = 5;

/** The agents of an organization. */
@Injectable()
export class AgentsService {
  private readonly active: BatchedLookup<[string, string], { id: string }>;

  constructor(
    @InjectRepository(AgentEntity) private readonly agents: Repository<AgentEntity>,
    private readonly database: Database,
  ) {
    this.active = new BatchedLookup(
      database,
      {
        name: 'find_active_agent',
        text: `select k.n, a.id from unnest($1::uuid[], $2::uuid[]) with ordinality as k(organization_id, id, n)
               cross join lateral (
                 select id from agents a where a.id = k.id and a.organization_id = k.organization_id and a.is_active limit 1
               ) a`,
      },
      2,
    );
  }

  /** Whether the organization has this agent and has not deactivated it. */
  async isActive(organizationId: string, id: string): Promise<boolean> {
    return isId(id) && (await this.active.find(organizationId, id)) !== undefined;
  }

  /** @throws DomainError `validation_error` for a schema that cannot be used */
  async create(organizationId: string, request: CreateAgentRequest): Promise<AgentEntity> {
    const { agentName, agentType, callDirection, voiceId, language, prompt, firstMessage } = request;
    const { recordCalls, onMachine, voicemailMessage, listenSeconds, analysisSchema } = request;
    checkSchema(analysisSchema);
    return this.agents.save(
      this.agents.create({
        id: newId(),
        organizationId,
        agentName,
        agentType: agentType ?? 'VOICE',
        callDirection: callDirection ?? 'OUTBOUND',
        voiceId: voiceId ?? null,
        language: language ?? null,
        prompt: prompt ?? null,
        firstMessage: firstMessage ?? null,
        recordCalls: recordCalls ?? true,
        onMachine: onMachine ?? 'carry_on',
        voicemailMessage: voicemailMessage ?? null,
        listenSeconds: listenSeconds ?? LISTEN_SECONDS,
        analysisSchema: analysisSchema ?? null,
        isActive: true,
      }),
    );
  }

  /** The agent as live calls use it, whether it is still active or not. @throws DomainError `not_found` */
  async forCalls(organizationId: string, id: string): Promise<AgentForCalls> {
    const agent = await this.get(organizationId, id);
    const [audio] = await this.database.query<{ pcm: Buffer }>(
      'select pcm from agent_audio where agent_id = $1 and organization_id = $2',
      [id, organizationId],
    );
    return { ...agent, greetingAudio: audio && samplesOf(audio.pcm) };
  }

  /**
   * Has the agent play a WAV file when a live call is answered.
   * @returns its length in milliseconds
   * @throws DomainError `not_found`, `validation_error` for what is no WAV of at most two minutes
   */
  async setGreetingAudio(organizationId: string, id: string, file: Buffer): Promise<number> {
    await this.get(organizationId, id);
    const pcm = await greetingOf(file);
    await this.database.query(
      `insert into agent_audio (agent_id, organization_id, pcm) values ($1, $2, $3)
       on conflict (agent_id) do update set pcm = excluded.pcm, updated_at = now()`,
      [id, organizationId, Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength)],
    );
    return Math.round((pcm.length * 1000) / SAMPLE_RATE);
  }

  /** @throws DomainError `not_found`, for the agent or the audio */
  async removeGreetingAudio(organizationId: string, id: string): Promise<void> {
    await this.get(organizationId, id);
    const removed = await this.database.query(
      'delete from agent_audio where agent_id = $1 and organization_id = $2 returning agent_id',
      [id, organizationId],
    );
    if (removed.length === 0) throw notFound('Greeting audio');
  }

  /** Active agents, newest first. */
  async list(organizationId: string, page: number, limit: number): Promise<Page<AgentEntity>> {
    const [items, total] = await this.agents.findAndCount({
      where: { organizationId, isActive: true },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @throws DomainError `not_found` */
  async get(organizationId: string, id: string): Promise<AgentEntity> {
    const agent = isId(id) ? await this.agents.findOneBy({ id, organizationId }) : null;
    if (!agent) throw notFound('Agent');
    return agent;
  }

  /**
   * Changes what is given. What cannot be empty is left alone by null.
   * @throws DomainError `not_found`, `validation_error` for a schema that cannot be used
   */
  async update(organizationId: string, id: string, request: UpdateAgentRequest): Promise<AgentEntity> {
    const { agentName, agentType, callDirection, recordCalls, onMachine, listenSeconds, isActive, ...mayBeNull } =
      request;
    const changes = {
      ...mayBeNull,
      agentName: agentName ?? undefined,
      agentType: agentType ?? undefined,
      callDirection: callDirection ?? undefined,
      recordCalls: recordCalls ?? undefined,
      onMachine: onMachine ?? undefined,
      listenSeconds: listenSeconds ?? undefined,
      isActive: isActive ?? undefined,
    };
    checkSchema(request.analysisSchema);
    await this.get(organizationId, id);
    if (Object.values(changes).some((value) => value !== undefined))
      await this.agents.update({ id, organizationId }, changes as QueryDeepPartialEntity<AgentEntity>);
    return this.get(organizationId, id);
  }

  /** Takes the agent out of use; its calls keep naming it. @throws DomainError `not_found` */
  deactivate(organizationId: string, id: string): Promise<AgentEntity> {
    return this.update(organizationId, id, { isActive: false });
  }
}

function checkSchema(schema: Record<string, unknown> | null | undefined): void {
  const problem = schema == null ? undefined : schemaProblem(schema);
  if (problem) throw new DomainError('validation_error', `analysisSchema ${problem}`, { analysisSchema: problem });
}

async function greetingOf(file: Buffer): Promise<Int16Array> {
  const problem = (detail: string) => new DomainError('validation_error', `The audio ${detail}`, { body: detail });
  let audio: ReturnType<typeof parseWav>;
  try {
    audio = parseWav(file);
  } catch (error) {
    throw problem(`cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { sampleRate, channels } = audio;
  const [left, right] = channels;
  if (!USUAL_RATES.includes(sampleRate)) throw problem(`is at ${sampleRate} Hz; use one of ${USUAL_RATES.join(', ')}`);
  if (left.length > MAX_AUDIO_SECONDS * sampleRate) throw problem(`must last at most ${MAX_AUDIO_SECONDS} seconds`);
  const mono = right ? left.map((sample, i) => (sample + (right[i] ?? 0)) / 2) : left;
  const pcm = await toLineRate(mono, sampleRate);
  if (pcm.length === 0) throw problem('is empty');
  return pcm;
}

/** Resamples part by part, so that calls and other requests are not kept waiting. */
async function toLineRate(pcm: Int16Array, rate: number): Promise<Int16Array> {
  const whole = new Int16Array(Math.round((pcm.length * SAMPLE_RATE) / rate));
  for (let second = 0; second * rate < pcm.length; second += PART_SECONDS) {
    // Whole seconds begin at a sample of both rates; one before and one after are what the filter reaches into.
    const before = Math.min(second, 1);
    const part = pcm.subarray((second - before) * rate, (second + PART_SECONDS + 1) * rate);
    const from = before * SAMPLE_RATE;
    const resampled = resample(part, rate, SAMPLE_RATE).subarray(from, from + PART_SECONDS * SAMPLE_RATE);
    whole.set(resampled, second * SAMPLE_RATE);
    await othersTurn();
  }
  return whole;
}

/** A copy: the bytes of a row may lie at an odd place of a shared buffer. */
const samplesOf = (bytes: Buffer): Int16Array =>
  new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length - (bytes.length % 2)));
