import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { type Config } from '../config/config.js';
import { BatchedLookup, Database, isId, newId, notFound, Page, SecretBox } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { changesOf, configurationOf, newConfiguration, upToDate } from './agent-changes.js';
import { checkAgent } from './agent-rules.js';
import { type AgentConfiguration } from './agent-configuration.js';
import { sealSecrets } from './agent-secrets.js';
import { AgentVersionEntity, type VersionedConfiguration } from './agent-version.entity.js';
import { changeAgent, getVersion, keepVersion, listVersions } from './agent-versions.js';
import { AgentEntity } from './agent.entity.js';
import { type CreateAgentRequest, type UpdateAgentRequest } from './agents.dto.js';
import { readGreeting, samplesOf } from './greeting-audio.js';
import { KnowledgeBasesService } from '../knowledge/index.js';
import { checkProviders } from './provider-use.js';

/** An agent in a call. The secrets of its tools are sealed: `openSecrets` opens them. */
export type AgentForCalls = AgentConfiguration & {
  agentId: string;
  version: number;
  /** PCM16 at 8 kHz, played instead of `firstMessage`. */
  greetingAudio: Int16Array | undefined;
};

/** The agents of an organization. */
@Injectable()
export class AgentsService {
  private readonly active: BatchedLookup<[string, string], { id: string }>;

  constructor(
    @InjectRepository(AgentEntity) private readonly agents: Repository<AgentEntity>,
    @InjectRepository(AgentVersionEntity) private readonly versions: Repository<AgentVersionEntity>,
    private readonly database: Database,
    private readonly secrets: SecretBox,
    private readonly knowledgeBases: KnowledgeBasesService,
    @InjectConfig() private readonly config: Pick<Config, 'outbound'>,
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

  /**
   * @param id of the new agent
   * @throws DomainError `validation_error` that names each bad field by its path
   */
  async create(organizationId: string, request: CreateAgentRequest, id = newId()): Promise<AgentEntity> {
    const configuration = newConfiguration(request.agentName, request);
    await this.check(organizationId, configuration);
    const tools = configuration.tools && sealSecrets(configuration.tools, [], this.secrets, id);
    return this.agents.manager.transaction(async (tx) => {
      await checkProviders(tx, organizationId, configuration.providers);
      const agent = { ...configuration, tools, id, organizationId, version: 1, isActive: true };
      await tx.insert(AgentEntity, agent as object);
      const created = await tx.findOneByOrFail(AgentEntity, { id, organizationId });
      await keepVersion(tx, created);
      return created;
    });
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
   * Changes the given fields. null keeps the value of a field that cannot be empty.
   * @throws DomainError `not_found`, `validation_error` that names each bad field by its path
   */
  async update(organizationId: string, id: string, request: UpdateAgentRequest): Promise<AgentEntity> {
    const changes = changesOf(request);
    await this.get(organizationId, id);
    await this.check(organizationId, changes);
    return this.change(organizationId, id, async (agent, tx) => {
      const isActive = request.isActive ?? agent.isActive;
      // Accounts of an inactive agent may be deleted: an activated agent needs them again.
      const kept = isActive && !agent.isActive ? agent.providers : null;
      await checkProviders(tx, organizationId, changes.providers === undefined ? kept : changes.providers);
      const tools = changes.tools && sealSecrets(changes.tools, agent.tools ?? [], this.secrets, id);
      return { ...changes, ...(tools ? { tools } : {}), isActive };
    });
  }

  /** Deactivates the agent; its calls keep its id. @throws DomainError `not_found` */
  deactivate(organizationId: string, id: string): Promise<AgentEntity> {
    return this.update(organizationId, id, { isActive: false });
  }

  /** The versions of an agent, newest first. @throws DomainError `not_found` */
  async listVersions(organizationId: string, id: string, page: number, limit: number) {
    return listVersions(this.versions, await this.get(organizationId, id), page, limit);
  }

  /** @throws DomainError `not_found`, for the agent or the version */
  async getVersion(organizationId: string, id: string, version: number): Promise<AgentVersionEntity> {
    return getVersion(this.versions, await this.get(organizationId, id), version);
  }

  /**
   * The agent for a call, active or not.
   * @param version default: the present version
   * @throws DomainError `not_found`
   */
  async forCalls(organizationId: string, id: string, version?: number): Promise<AgentForCalls> {
    const agent = await this.get(organizationId, id);
    if (version === undefined || version === agent.version)
      return this.withGreeting(agent, agent.version, configurationOf(agent));
    const { configuration } = await getVersion(this.versions, agent, version);
    return this.withGreeting(agent, version, upToDate(configuration));
  }

  /**
   * Stores a WAV file that plays when a live call is answered.
   * @returns its length in milliseconds
   * @throws DomainError `not_found`, `validation_error` for a file that is no WAV of at most two minutes
   */
  async setGreetingAudio(organizationId: string, id: string, file: Buffer): Promise<number> {
    await this.get(organizationId, id);
    const { pcm, sha256, durationMs } = await readGreeting(file);
    await this.change(organizationId, id, async (_, tx) => {
      await tx.query(
        `insert into agent_greetings (agent_id, sha256, organization_id, pcm) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [id, sha256, organizationId, pcm],
      );
      return { greetingAudioSha256: sha256 };
    });
    return durationMs;
  }

  /** Removes the greeting; earlier versions keep theirs. @throws DomainError `not_found`, for the agent or the audio */
  async removeGreetingAudio(organizationId: string, id: string): Promise<AgentEntity> {
    return this.change(organizationId, id, ({ greetingAudioSha256 }) => {
      if (greetingAudioSha256 === null) throw notFound('Greeting audio');
      return { greetingAudioSha256: null };
    });
  }

  /**
   * The configuration of a version, or the present one.
   * @throws DomainError `not_found`
   */
  async configuration(organizationId: string, id: string, version?: number): Promise<AgentConfiguration> {
    const agent = await this.get(organizationId, id);
    if (version === undefined || version === agent.version) return configurationOf(agent);
    return upToDate((await getVersion(this.versions, agent, version)).configuration);
  }

  private async change(
    organizationId: string,
    id: string,
    plan: (agent: AgentEntity, tx: EntityManager) => Partial<AgentEntity> | Promise<Partial<AgentEntity>>,
  ): Promise<AgentEntity> {
    if (!isId(id)) throw notFound('Agent');
    return this.agents.manager.transaction((tx) => changeAgent(tx, organizationId, id, (agent) => plan(agent, tx)));
  }

  private async check(organizationId: string, changes: Partial<AgentConfiguration>): Promise<void> {
    checkAgent(changes, this.config.outbound);
    if (changes.knowledgeBaseIds?.length) await this.knowledgeBases.check(organizationId, changes.knowledgeBaseIds);
  }

  private async withGreeting(
    { id: agentId, organizationId }: AgentEntity,
    version: number,
    { greetingAudioSha256, ...configuration }: VersionedConfiguration,
  ): Promise<AgentForCalls> {
    const [audio] = await this.database.query<{ pcm: Buffer }>(
      'select pcm from agent_greetings where agent_id = $1 and sha256 = $2 and organization_id = $3',
      [agentId, greetingAudioSha256, organizationId],
    );
    return { ...configuration, agentId, version, greetingAudio: audio && samplesOf(audio.pcm) };
  }
}
