import { type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

/** A loop that runs beside the application, such as a `PeriodicTask`. */
export interface BackgroundLoop {
  start(): void;
  /** Resolves when the round in progress has ended. */
  stop(): Promise<void>;
}

export interface BackgroundParts {
  loops: readonly BackgroundLoop[];
  /** Starts listening to notifications and returns how to stop. */
  listen?: () => readonly (() => void)[];
  /** Runs when listeners and loops have stopped. */
  close?: () => Promise<void>;
}

/** Starts and stops background work with the application. */
export abstract class BackgroundService implements OnApplicationBootstrap, OnModuleDestroy {
  private stopListening: readonly (() => void)[] = [];

  constructor(private readonly background: BackgroundParts) {}

  onApplicationBootstrap(): void {
    for (const loop of this.background.loops) loop.start();
    this.stopListening = this.background.listen?.() ?? [];
  }

  async onModuleDestroy(): Promise<void> {
    for (const stop of this.stopListening) stop();
    await Promise.all(this.background.loops.map((loop) => loop.stop()));
    await this.background.close?.();
  }
}
