import { Injectable } from '@nestjs/common';
import { AgentsService } from '../agents/index.js';
import { ProviderAccountsService } from '../provider-accounts/index.js';
import { type Config } from '../config/config.js';
import { Subscription } from '../lib/event-store/index.js';
import { BackgroundService, Database, Log, OutboundHttp, PeriodicTask } from '../lib/platform/index.js';
import { InjectConfig } from '../config/inject-config.js';
import { CallCommands } from '../calls/index.js';
import { AnalysisSubscription } from './analysis.subscription.js';
import { AnalysisJobs } from './analysis-jobs.js';
import { Analyzer } from './analyzer.js';

/** For turns and counts that come after the end of their call. */
const SETTLE_MS = 2_000;

/** Analyses and costs ended calls. It polls: no caller waits for an analysis. */
@Injectable()
export class AnalysisWorker extends BackgroundService {
  constructor(
    database: Database,
    calls: CallCommands,
    agents: AgentsService,
    accounts: ProviderAccountsService,
    http: OutboundHttp,
    log: Log,
    @InjectConfig() { providers, rates }: Config,
  ) {
    const analyzer = new Analyzer(database, calls, agents, log, {
      model: providers.model,
      accounts: (organizationId, ids) => accounts.accountsFor(organizationId, ids),
      guard: http.guard,
      rates,
    });
    const reader = new AnalysisSubscription(new AnalysisJobs(database), SETTLE_MS);
    super({
      loops: [
        new Subscription(database, log, reader),
        new PeriodicTask('analyse calls', 1_000, () => analyzer.round(), log),
      ],
      close: () => analyzer.stop(),
    });
  }
}
