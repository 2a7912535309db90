import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AgentEntity, EXAMPLE_AGENT_ID } from './agents/index.js';
import { ApiKeysService, SCOPES } from './api-keys/index.js';
import { newId } from './platform/index.js';
import { PhoneNumberEntity } from './telephony/index.js';

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
    @InjectDataSource() private readonly dataSource: DataSource,
  ) {}

  /** Makes the demo organization unless there is an organization already. */
  async createOnce(): Promise<Demo | undefined> {
    if ((await this.keys.countOrganizations()) > 0) return undefined;
    const { id: organizationId } = await this.keys.createOrganization('Demo');
    // Those of the examples, so that the API reference can be tried as it stands.
    const agentId = EXAMPLE_AGENT_ID;
    const fromNumber = '+0987654321';
    await this.dataSource.getRepository(AgentEntity).insert({
      id: agentId,
      organizationId,
      agentName: 'Demo agent',
      agentType: 'VOICE',
      callDirection: 'OUTBOUND',
      language: 'en-US',
      prompt: 'You are a friendly assistant of {{company}}. You call about: {{purpose}}. Be brief.',
      firstMessage: 'Hello {{customerName}}, this is {{company}}.',
      isActive: true,
    });
    await this.dataSource
      .getRepository(PhoneNumberEntity)
      .insert({ id: newId(), organizationId, phoneNumber: fromNumber, label: 'Demo number' });
    const [test, live] = await Promise.all(
      (['test', 'live'] as const).map((environment) =>
        this.keys.issue(organizationId, { name: `Demo ${environment} key`, environment, scopes: SCOPES }),
      ),
    );
    return { agentId, fromNumber, testKey: test?.key ?? '', liveKey: live?.key ?? '' };
  }
}

/** The lines that welcome whoever starts the server for the first time. */
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
