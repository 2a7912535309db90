export { dialTaskId } from './dial-job.js';
export { DialingModule } from './dialing.module.js';
