import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on which answers can get lost. */
export class LossyLink {
  private readonly sockets: Socket[] = [];
  private losing = false;

  private readonly server = createServer((client) => {
    const { hostname, port } = new URL(this.target);
    const upstream = connect(Number(port), hostname);
    this.sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream);
    upstream.on('data', (answer) => {
      if (!this.losing) client.write(answer);
    });
    upstream.on('close', () => client.destroy());
  });

  private constructor(private readonly target: string) {}

  /** Opens a way to the server of a URL. */
  static async to(target: string): Promise<LossyLink> {
    const link = new LossyLink(target);
    link.server.listen(0, '127.0.0.1');
    await once(link.server, 'listening');
    return link;
  }

  /** The URL that takes this way. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** Questions still get through, but no answer comes back. */
  loseAnswers(): void {
    this.losing = true;
  }

  /** Cuts what is connected; new connections work. */
  cut(): void {
    this.losing = false;
    for (const socket of this.sockets.splice(0)) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
