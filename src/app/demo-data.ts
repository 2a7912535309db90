import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AgentEntity, AgentsService, EXAMPLE_AGENT_ID } from '../agents/index.js';
import { ApiKeysService, type Environment, SCOPES } from '../api-keys/index.js';
import { newId } from '../lib/platform/index.js';
import { PhoneNumberEntity } from '../carriers/index.js';

export interface Demo {
  agentId: string;
  fromNumber: string;
  testKey: string;
  liveKey: string;
}

/** What a first start on an empty embedded database makes, so that the first curl works at once. */
@Injectable()
export class DemoData {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly agents: AgentsService,
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** Makes the demo organization unless there is an organization already. */
  async createOnce(): Promise<Demo | undefined> {
    if ((await this.keys.countOrganizations()) > 0) return undefined;
    const { id: organizationId } = await this.keys.createOrganization('Demo');
    const agent = {
      agentName: 'Demo agent',
      language: 'en-US',
      prompt: 'You are a friendly assistant of {{company}}. You call about: {{purpose}}. Be brief.',
      firstMessage: 'Hello {{customerName}}, this is {{company}}.',
    };
    // Under the id of the examples, so that the API reference can be tried as it stands.
    await this.agents.create(organizationId, agent, EXAMPLE_AGENT_ID);
    await this.dataSource
      .getRepository(PhoneNumberEntity)
      .insert({ id: newId(), organizationId, phoneNumber: DEMO_NUMBER, label: 'Demo number' });
    return {
      agentId: EXAMPLE_AGENT_ID,
      fromNumber: DEMO_NUMBER,
      testKey: await this.issueKey(organizationId, 'test'),
      liveKey: await this.issueKey(organizationId, 'live'),
    };
  }

  /** The demo organization, made now or known already, with a new test key. */
  async ensure(): Promise<Pick<Demo, 'agentId' | 'fromNumber' | 'testKey'>> {
    const made = await this.createOnce();
    if (made) return made;
    const agent = await this.dataSource.getRepository(AgentEntity).findOneBy({ id: EXAMPLE_AGENT_ID, isActive: true });
    if (!agent) throw new Error('This database has no demo agent. Run the demo on another DATA_DIR');
    return {
      agentId: agent.id,
      fromNumber: DEMO_NUMBER,
      testKey: await this.issueKey(agent.organizationId, 'test'),
    };
  }

  private async issueKey(organizationId: string, environment: Environment): Promise<string> {
    const name = `Demo ${environment} key`;
    return (await this.keys.issue(organizationId, { name, environment, scopes: SCOPES })).key;
  }
}

const DEMO_NUMBER = '+0987654321';

/** The text of the first start. */
export function demoGuide(demo: Demo, url: string): string {
  const body = JSON.stringify({
    agentId: demo.agentId,
    toNumber: '+1234567890',
    fromNumber: demo.fromNumber,
    customerName: 'John Doe',
    dynamicVariables: { company: 'Acme Corp', purpose: 'Follow-up on quote' },
  });
  return `
First start: a demo organization is ready. Its keys are shown this once.
  test key  ${demo.testKey}
  live key  ${demo.liveKey}

Queue your first call (paste into another terminal):

curl -X POST ${url}/v1/calls \\
  -H "Authorization: Bearer ${demo.testKey}" \\
  -H "Content-Type: application/json" \\
  -d '${body}'
`;
}
