import { Controller, Get, Post } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { DomainError, Operation } from '../lib/platform/index.js';

class Nothing {}

/** Paths of the contract that are not there yet: a client learns that it is early, not that it is wrong. */
const PLANNED = [
  [Get, 'contacts', 'contacts:read'],
  [Post, 'contacts', 'contacts:write'],
  [Get, 'campaigns', 'campaigns:read'],
  [Post, 'campaigns', 'campaigns:write'],
  [Get, 'campaigns/:id', 'campaigns:read'],
  [Get, 'calendar/events', 'calendar:read'],
  [Post, 'calendar/events', 'calendar:write'],
  [Get, 'messages', 'messages:read'],
] as const;

@ApiExcludeController()
@Controller('v1')
export class PlannedController {}

for (const [index, [method, path, scope]] of PLANNED.entries()) {
  const name = `planned${index}`;
  const notYet = (): never => {
    throw new DomainError('not_implemented', 'This endpoint is planned and not available yet');
  };
  const descriptor = { value: notYet, writable: true, configurable: true };
  Object.defineProperty(PlannedController.prototype, name, descriptor);
  method(path)(PlannedController.prototype, name, descriptor);
  Operation({ scope, summary: 'Planned', returns: Nothing })(PlannedController.prototype, name, descriptor);
}
