import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AgentsService } from '../agents/index.js';
import { ProviderAccountsService } from '../provider-accounts/index.js';
import { type Config } from '../config/config.js';
import { Subscription } from '../lib/event-store/index.js';
import { Database, Log, OutboundHttp, PeriodicTask } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { CallCommands } from '../calls/index.js';
import { AnalysisSubscription } from './analysis.subscription.js';
import { AnalysisJobs } from './analysis-jobs.js';
import { Analyzer } from './analyzer.js';

/** For turns and counts that come after the end of their call. */
const SETTLE_MS = 2_000;

/** Has calls assessed and costed when they are over; by the clock alone, since nobody waits for it. */
@Injectable()
export class AnalysisWorker implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly assessor: Analyzer;
  private readonly subscription: Subscription;
  private readonly task: PeriodicTask;

  constructor(
    database: Database,
    calls: CallCommands,
    agents: AgentsService,
    accounts: ProviderAccountsService,
    http: OutboundHttp,
    log: Log,
    @InjectConfig() { providers, rates }: Config,
  ) {
    this.assessor = new Analyzer(database, calls, agents, log, {
      model: providers.model,
      accounts: (organizationId, ids) => accounts.accountsFor(organizationId, ids),
      guard: http.guard,
      rates,
    });
    this.subscription = new Subscription(
      database,
      log,
      new AnalysisSubscription(new AnalysisJobs(database), SETTLE_MS),
    );
    this.task = new PeriodicTask('assess calls', 1_000, () => this.assessor.round(), log);
  }

  onApplicationBootstrap(): void {
    this.subscription.start();
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.subscription.stop(), this.task.stop()]);
    await this.assessor.stop();
  }
}
