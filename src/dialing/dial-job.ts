import { type BulkJobOptions } from 'bullmq';
import { dialTaskId } from '../calls/index.js';

export const DIAL_QUEUE = 'dial';

/**
 * The job that wakes the dispatcher when a call is due. It carries no truth: lost, the call is found in the line all the
 * same. `version` is that of the event which put the call into the line; after the first it is part of the job's id.
 */
export function dialJob(callId: string, version: number, dueAt: string | undefined) {
  const delay = dueAt === undefined ? 0 : Math.max(0, Date.parse(dueAt) - Date.now());
  const jobId = version === 1 ? dialTaskId(callId) : `${dialTaskId(callId)}-${version}`;
  const opts: BulkJobOptions = { jobId, removeOnComplete: true, removeOnFail: true, ...(delay > 0 ? { delay } : {}) };
  return { name: 'dial', data: { callId }, opts };
}
