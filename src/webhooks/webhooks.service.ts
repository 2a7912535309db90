import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type Repository } from 'typeorm';
import { type Caller } from '../api-keys/index.js';
import { type Config } from '../config/config.js';
import {
  addressProblem,
  DomainError,
  isId,
  newId,
  notFound,
  Page,
  SecretBox,
  SecretBoxError,
  Notifications,
} from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { generateSecret } from './signature.js';
import { DEFAULT_EVENTS, type WebhookEvent } from './webhook-events.js';
import { WebhookEntity } from './webhook.entity.js';

/** The endpoints of an organization in one environment may be so many. */
const MAX_ENDPOINTS = 200;

type Owner = Pick<Caller, 'organizationId' | 'environment'>;

export interface WebhookChanges {
  url?: string | null | undefined;
  events?: WebhookEvent[] | null | undefined;
  description?: string | null | undefined;
  isActive?: boolean | null | undefined;
}

/** An endpoint together with the secret that is shown once. */
export interface WithSecret {
  webhook: WebhookEntity;
  secret: string;
}

/** Manages the webhooks of an organization, per environment. */
@Injectable()
export class WebhooksService {
  constructor(
    @InjectRepository(WebhookEntity) private readonly webhooks: Repository<WebhookEntity>,
    private readonly secrets: SecretBox,
    private readonly wakeups: Notifications,
    @InjectConfig() private readonly config: Config,
  ) {}

  /** @throws DomainError `validation_error` for the address, `conflict` when there are too many */
  async create({ organizationId, environment }: Owner, given: WebhookChanges & { url: string }): Promise<WithSecret> {
    this.assertAddress(given.url);
    if ((await this.webhooks.countBy({ organizationId, environment })) >= MAX_ENDPOINTS)
      throw new DomainError('conflict', `There can be ${MAX_ENDPOINTS} webhooks; delete one first`);
    const id = newId();
    const secret = generateSecret();
    const webhook = await this.webhooks.save(
      this.webhooks.create({
        ...{ id, organizationId, environment, url: given.url, sealedSecret: this.seal(secret, id) },
        events: given.events ?? [...DEFAULT_EVENTS],
        description: given.description ?? null,
        isActive: given.isActive ?? true,
      }),
    );
    return { webhook: await this.get(webhook, id), secret };
  }

  /** Newest first. */
  async list({ organizationId, environment }: Owner, page: number, limit: number): Promise<Page<WebhookEntity>> {
    const [items, total] = await this.webhooks.findAndCount({
      where: { organizationId, environment },
      order: { id: 'DESC' },
      skip: (page - 1) * limit,
      take: limit,
    });
    return new Page(items, page, limit, total);
  }

  /** @throws DomainError `not_found` */
  async get({ organizationId, environment }: Owner, id: string): Promise<WebhookEntity> {
    const webhook = isId(id) ? await this.webhooks.findOneBy({ id, organizationId, environment }) : null;
    if (!webhook) throw notFound('Webhook');
    return webhook;
  }

  /**
   * Changes the given fields. Activation sends the waiting deliveries at once and resets the failure count.
   * @throws DomainError `not_found`, `validation_error`
   */
  async update(owner: Owner, id: string, given: WebhookChanges): Promise<WebhookEntity> {
    const before = await this.get(owner, id);
    if (given.url) this.assertAddress(given.url);
    const { description, ...rest } = given;
    const changes: Partial<WebhookEntity> = Object.fromEntries(
      Object.entries(rest).filter(([, value]) => value != null),
    );
    if (description !== undefined) changes.description = description;
    if (changes.url !== undefined && changes.url !== before.url) changes.failingSince = null;
    if (changes.isActive) Object.assign(changes, { disabledReason: null, disabledAt: null, failingSince: null });
    if (Object.keys(changes).length > 0) {
      const { organizationId, environment } = owner;
      await this.webhooks.update({ id, organizationId, environment }, changes);
      this.wakeups.wake('webhook_deliveries');
    }
    return this.get(owner, id);
  }

  /** Forgets it with all of its deliveries. @returns it was. @throws DomainError `not_found` */
  async remove(owner: Owner, id: string): Promise<WebhookEntity> {
    const webhook = await this.get(owner, id);
    if (!(await this.removeWithDeliveries(webhook))) throw notFound('Webhook');
    return webhook;
  }

  /** Repeats after a deadlock with a process that records attempts of the same deliveries. */
  private async removeWithDeliveries(webhook: WebhookEntity, tries = 5): Promise<boolean> {
    const { id, organizationId, environment } = webhook;
    try {
      return Boolean((await this.webhooks.delete({ id, organizationId, environment })).affected);
    } catch (error) {
      if (tries === 1 || !isDeadlock(error)) throw error;
      return this.removeWithDeliveries(webhook, tries - 1);
    }
  }

  /** Gives it a new secret. The one before signs as well for a while; one before that no more. @throws DomainError `not_found` */
  async rotate(owner: Owner, id: string, overlapSeconds: number): Promise<WithSecret> {
    const { sealedSecret, organizationId, environment } = await this.get(owner, id);
    const secret = generateSecret();
    const overlaps = overlapSeconds > 0;
    // Of two concurrent rotations the later one would sign with a secret whose response the customer may not have seen.
    const { affected } = await this.webhooks.update(
      { id, organizationId, environment, sealedSecret },
      {
        sealedSecret: this.seal(secret, id),
        sealedOldSecret: overlaps ? sealedSecret : null,
        oldSecretUntil: overlaps ? new Date(Date.now() + overlapSeconds * 1000) : null,
      },
    );
    if (!affected) throw new DomainError('conflict', 'The secret is being rotated at this moment; retry');
    return { webhook: await this.get(owner, id), secret };
  }

  private assertAddress(url: string): void {
    const problem = addressProblem(url, this.config.outbound);
    if (problem !== undefined) throw new DomainError('validation_error', problem, { url: problem });
  }

  private seal(secret: string, id: string): string {
    try {
      return this.secrets.seal(secret, id);
    } catch (error) {
      if (error instanceof SecretBoxError)
        throw new DomainError('conflict', `The secret cannot be stored: ${error.message}`);
      throw error;
    }
  }
}

const isDeadlock = (error: unknown): boolean =>
  (error as { driverError?: { code?: string } }).driverError?.code === '40P01';
