import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { BatchedLookup, Database, isId, newId, notFound, Page } from '../platform/index.js';
import { AgentEntity } from './agent.entity.js';
import { type CreateAgentRequest, type UpdateAgentRequest } from './agents.dto.js';

/** The agents of an organization. */
@Injectable()
export class AgentsService {
  private readonly active: BatchedLookup<[string, string], { id: string }>;

  constructor(
    @InjectRepository(AgentEntity) private readonly agents: Repository<AgentEntity>,
    database: Database,
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

  create(organizationId: string, request: CreateAgentRequest): Promise<AgentEntity> {
    const { agentName, agentType, callDirection, voiceId, language, prompt, firstMessage } = request;
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
        isActive: true,
      }),
    );
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

  /** Changes what is given. What cannot be empty is left alone by null. @throws DomainError `not_found` */
  async update(organizationId: string, id: string, request: UpdateAgentRequest): Promise<AgentEntity> {
    const { agentName, agentType, callDirection, isActive, ...mayBeNull } = request;
    const changes = {
      ...mayBeNull,
      agentName: agentName ?? undefined,
      agentType: agentType ?? undefined,
      callDirection: callDirection ?? undefined,
      isActive: isActive ?? undefined,
    };
    await this.get(organizationId, id);
    if (Object.values(changes).some((value) => value !== undefined))
      await this.agents.update({ id, organizationId }, changes);
    return this.get(organizationId, id);
  }

  /** Takes the agent out of use; its calls keep naming it. @throws DomainError `not_found` */
  deactivate(organizationId: string, id: string): Promise<AgentEntity> {
    return this.update(organizationId, id, { isActive: false });
  }
}
