/** `taskId` in the answer to POST /v1/calls: the id of the job that dials the call. */
export const dialTaskId = (callId: string): string => `dial-${callId}`;
