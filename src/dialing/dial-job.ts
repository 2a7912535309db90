import { type BulkJobOptions } from 'bullmq';
import { dialTaskId } from '../calls/index.js';

export const DIAL_QUEUE = 'dial';

/**
 * The job that wakes the dispatcher when a call is due. A lost job delays the call, no more: polling finds it in the
 * database.
 * @param version of the event that queued or deferred the call; from the second on it is part of the job's id
 * @param dueAt ISO 8601; undefined: now
 */
export function dialJob(callId: string, version: number, dueAt: string | undefined) {
  const delay = dueAt === undefined ? 0 : Math.max(0, Date.parse(dueAt) - Date.now());
  const jobId = version === 1 ? dialTaskId(callId) : `${dialTaskId(callId)}-${version}`;
  const opts: BulkJobOptions = { jobId, removeOnComplete: true, removeOnFail: true, ...(delay > 0 ? { delay } : {}) };
  return { name: 'dial', data: { callId }, opts };
}
