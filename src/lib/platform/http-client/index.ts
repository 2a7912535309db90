export { addressProblem, type OutboundRules } from './address-problem.js';
export { headerProblem } from './header-problem.js';
export { type Network, parseNetwork } from './network.js';
export { OutboundFailed, type OutboundFailure, OutboundRefused } from './outbound-errors.js';
export { type OutboundGuard } from './outbound-guard.js';
export { type OutboundAnswer, OutboundHttp, type OutboundOptions, type OutboundRequest } from './outbound-http.js';
