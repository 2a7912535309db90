/** Timeouts of a provider's answer, milliseconds. */
export interface ProviderTimeouts {
  /** Until the first byte of content. */
  firstMs: number;
  /** Between two bytes. */
  nextMs: number;
}

export const DEFAULT_TIMEOUTS: ProviderTimeouts = { firstMs: 10_000, nextMs: 5_000 };
