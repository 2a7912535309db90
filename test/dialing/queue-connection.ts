import { getQueueToken } from '@nestjs/bullmq';
import { type Queue } from 'bullmq';
import { DIAL_QUEUE } from '../../src/dialing/dial-job.js';
import { type TestApp } from '../support/app.js';

/** The dial queue of an application with a worker. */
export const dialQueueOf = (app: TestApp): Queue => app.nest.get<Queue>(getQueueToken(DIAL_QUEUE), { strict: false });
