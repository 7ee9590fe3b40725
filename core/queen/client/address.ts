/** Where a queen is. */

export type QueenAddress = OwnQueen | RemoteQueen;

/** The queen of this user, by its socket: it may do everything. */
export interface OwnQueen {
  socketPath: string;
}

/** A queen elsewhere, which decides by the key what may be asked. */
export interface RemoteQueen {
  /** `https://host:8500`, without a path. */
  url: string;
  key?: string | undefined;
}

export const isRemote = (address: QueenAddress): address is RemoteQueen => 'url' in address;
