import { Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { type CarrierKind } from '../carriers/index.js';
import { type TelephonyProvider } from './provider.js';
import { SimulatorProvider } from './simulator/simulator.provider.js';
import { SipTrunkProvider } from './sip-trunk/sip-trunk.provider.js';

/** The provider of each kind of carrier. A new kind adds its line here and in `carriers/carrier.ts`. */
export const PROVIDERS: Readonly<Record<CarrierKind, Type<TelephonyProvider>>> = {
  sip: SipTrunkProvider,
  simulator: SimulatorProvider,
};

/** The telephony providers of this process, by the kind of carrier that they dial through. */
@Injectable()
export class TelephonyProviders {
  constructor(private readonly modules: ModuleRef) {}

  /** @param kind of a carrier, or the stored provider of an attempt. @throws Error for an unknown kind */
  for(kind: string): TelephonyProvider {
    if (!Object.hasOwn(PROVIDERS, kind)) throw new Error(`No telephony provider for carriers of kind ${kind}`);
    return this.modules.get(PROVIDERS[kind as CarrierKind]);
  }

  async close(): Promise<void> {
    for (const kind of Object.keys(PROVIDERS)) await this.for(kind).close();
  }
}
