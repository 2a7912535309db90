import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { CarriersModule } from '../carriers/index.js';
import { type Config } from '../config/config.js';
import { CONFIG } from '../config/inject-config.js';
import { decodeTones, encodeTones } from '../lib/audio/index.js';
import { PROVIDERS, TelephonyProviders } from './providers.js';
import { SIMULATOR_OPTIONS, type SimulatorOptions, SimulatorProvider } from './simulator/simulator.provider.js';
import { SipLegLedger } from './sip-trunk/sip-leg-ledger.js';

/** The telephony providers. Loaded by workers only. */
@Module({
  imports: [CarriersModule],
  providers: [
    TelephonyProviders,
    SipLegLedger,
    ...Object.values(PROVIDERS),
    {
      provide: SIMULATOR_OPTIONS,
      useFactory: (config: Config): SimulatorOptions => ({
        ledgerFolder: join(config.dataDir, 'simulator'),
        speed: config.simulatorSpeed,
        voice: { synthesize: encodeTones, transcribe: decodeTones },
      }),
      inject: [CONFIG],
    },
  ],
  exports: [TelephonyProviders, SipLegLedger, SimulatorProvider],
})
export class TelephonyModule {}
