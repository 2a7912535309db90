/** One page of a list; the HTTP layer writes it as `data` and `pagination`. */
export class Page<T> {
  constructor(
    readonly items: readonly T[],
    readonly page: number,
    readonly limit: number,
    readonly total: number,
  ) {}

  map<U>(change: (item: T) => U): Page<U> {
    return new Page(this.items.map(change), this.page, this.limit, this.total);
  }

  get totalPages(): number {
    return Math.ceil(this.total / this.limit);
  }
}
