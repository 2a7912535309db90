import { VirtualClock } from '../../test/voice/support/virtual-clock.js';
import { Cancelled, withReadTimeouts, CancellationScope } from './cancellation-scope.js';

let clock: VirtualClock;
let scope: CancellationScope;
const never = new Promise<never>(() => undefined);

beforeEach(() => {
  clock = new VirtualClock();
  scope = new CancellationScope(clock);
});

describe('a cancellation scope', () => {
  it('waits for an answer', async () => {
    await expect(scope.wait(Promise.resolve(1), 100)).resolves.toBe(1);
    await expect(scope.wait(Promise.reject(new Error('no')), 100)).rejects.toThrow('no');
    expect(clock.waiting).toBe(0);
  });

  it('limits a wait', async () => {
    const answer = expect(scope.wait(never, 100)).rejects.toMatchObject({ fault: 'timeout' });
    await clock.advance(100);
    await answer;
  });

  it('leaves nothing behind when it is closed', async () => {
    const child = scope.child();
    const answers = [scope.wait(never), scope.wait(never, 100), child.wait(never)].map((answer) =>
      expect(answer).rejects.toBeInstanceOf(Cancelled),
    );
    child.after(50, () => {
      throw new Error('not called off');
    });
    scope.close();
    await Promise.all(answers);
    await clock.advance(1_000);
    expect({ waiting: clock.waiting, child: child.signal.aborted }).toEqual({ waiting: 0, child: true });
  });

  it('begins nothing after it was closed', async () => {
    scope.close();
    scope.after(10, () => {
      throw new Error('begun');
    });
    await expect(scope.wait(Promise.reject(new Error('late')))).rejects.toBeInstanceOf(Cancelled);
    expect({ waiting: clock.waiting, child: scope.child().closed }).toEqual({ waiting: 0, child: true });
  });

  it('outlives its children', () => {
    const child = scope.child();
    child.close();
    expect(scope.closed).toBe(false);
  });
});

describe('a stream with read timeouts', () => {
  const read = async (stream: AsyncIterable<number>): Promise<number[]> => {
    const pieces: number[] = [];
    for await (const piece of withReadTimeouts(scope, stream, { firstMs: 100, nextMs: 50 })) pieces.push(piece);
    return pieces;
  };

  it('is read to its end', async () => {
    async function* two() {
      yield await Promise.resolve(1);
      yield 2;
    }
    expect(await read(two())).toEqual([1, 2]);
  });

  it.each([
    ['before its first piece', 0, 100],
    ['between its pieces', 1, 50],
  ])('that stalls %s fails with a timeout', async (_, pieces, ms) => {
    let returned = false;
    const stream = {
      [Symbol.asyncIterator]: () => {
        let n = 0;
        return {
          next: () => (n++ < pieces ? Promise.resolve({ done: false as const, value: n }) : never),
          return: () => {
            returned = true;
            return never;
          },
        };
      },
    };
    const answer = expect(read(stream)).rejects.toMatchObject({ fault: 'timeout' });
    await clock.advance(ms);
    await answer;
    expect(returned).toBe(true);
  });
});
