/** How long a provider may keep us waiting, milliseconds. */
export interface ProviderTimeouts {
  /** For the first byte that says anything. */
  firstMs: number;
  /** For each next one. */
  nextMs: number;
}

export const DEFAULT_TIMEOUTS: ProviderTimeouts = { firstMs: 10_000, nextMs: 5_000 };
