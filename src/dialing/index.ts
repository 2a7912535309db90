export { dialTaskId } from './dial-job.js';
export { DispatchModule } from './dialing.module.js';
