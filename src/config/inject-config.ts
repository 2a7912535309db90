import { Inject } from '@nestjs/common';

export const CONFIG = Symbol('config');

/** Injects the settings of the process. */
export const InjectConfig = (): ParameterDecorator => Inject(CONFIG);
